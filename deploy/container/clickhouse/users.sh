#!/bin/bash
# Runs once, when the server's directory is empty: the users of ../../clickhouse/users.sql with one password.
set -euo pipefail
: "${AGENTTRACE_PASSWORD:?}"
[[ $AGENTTRACE_PASSWORD =~ ^[A-Za-z0-9-]+$ ]] || { echo "AGENTTRACE_PASSWORD: letters, digits and - only"; exit 1; }
sed "s/set-a-password/$AGENTTRACE_PASSWORD/" /agenttrace/users.sql |
  # Reads CLICKHOUSE_USER and CLICKHOUSE_PASSWORD, which no list of processes shows.
  clickhouse-client --multiquery
