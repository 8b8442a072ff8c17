#!/bin/sh
set -eu
{
  printf '%s\n' server.default_listen_address=0.0.0.0 server.directories.data=/data server.directories.logs=/logs
  # NEO4J_server_memory_heap_max__size is server.memory.heap.max_size
  env | sed -n 's/^NEO4J_\([a-z].*\)$/\1/p' | while IFS='=' read -r name value; do
    printf '%s=%s\n' "$(printf '%s' "$name" | sed 's/__/%/g; s/_/./g; s/%/_/g')" "$value"
  done
} >"$NEO4J_CONF/neo4j.conf"
jars='/opt/neo4j/*'
[ -d /data/dbms ] || java -cp "$jars" org.neo4j.cli.AdminTool dbms set-initial-password "${NEO4J_AUTH#neo4j/}"
exec java "-Xmx${NEO4J_server_memory_heap_max__size:-512m}" \
  --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/java.io=ALL-UNNAMED \
  --add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/java.util.concurrent=ALL-UNNAMED \
  -cp "$jars" org.neo4j.server.CommunityEntryPoint --home-dir="$NEO4J_HOME" --config-dir="$NEO4J_CONF"
