import java.util.concurrent.CountDownLatch;
import org.codelibs.opensearch.runner.OpenSearchRunner;

/** Starts one real OpenSearch node on loopback. Arguments: folder, HTTP port, transport port, settings as key=value. */
public class OpenSearchMain {
    public static void main(String[] arguments) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            settings.put("http.port", arguments[1]);
            settings.put("transport.port", arguments[2]);
            settings.put("network.host", "127.0.0.1");
            settings.putList("node.roles", "cluster_manager", "data", "ingest");
            // A nearly full disk of the machine must not turn the indices read-only.
            settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
            for (int i = 3; i < arguments.length; i++) {
                String[] setting = arguments[i].split("=", 2);
                settings.put(setting[0], setting[1]);
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                runner.close();
            } catch (Exception e) {
                e.printStackTrace();
            }
        }));
        try {
            runner.build(OpenSearchRunner.newConfigs().basePath(arguments[0]).numOfNode(1).clusterName("lakescope-tests").build());
        } catch (Throwable t) {
            t.printStackTrace();
            System.exit(1);
        }
        new CountDownLatch(1).await();
    }
}
