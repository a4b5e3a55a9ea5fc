"""The contracts of plugins as tests: derive a class, say how your plugin is configured, run pytest.

    class TestHeartbeat(FormatContract):
        format = "heartbeat"
        cases = Path(__file__).parent / "cases"

The plugin must be installed, as it is found by its entry point. Needs pytest.
"""

from lakescope.testing.collectors import CollectorContract
from lakescope.testing.formats import FormatContract
from lakescope.testing.sinks import SinkContract

__all__ = ["CollectorContract", "FormatContract", "SinkContract"]
