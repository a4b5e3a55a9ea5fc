-- the whole range
-- refused: network_hosts_heard: InfluxDB aggregates fields only, and src_host is a tag; a store of type duckdb or elasticsearch can answer

-- every hour, by src_site
-- refused: network_hosts_heard: InfluxDB aggregates fields only, and src_host is a tag; a store of type duckdb or elasticsearch can answer

-- by vo, of two src_site
-- refused: network_hosts_heard: InfluxDB aggregates fields only, and src_host is a tag; a store of type duckdb or elasticsearch can answer
