#!/bin/sh
# Makes .env beside this file, with a random password for each name of .env.example, for its owner alone. What is there is kept.
set -eu
cd "$(dirname "$0")"
umask 077
touch .env
chmod 600 .env
grep -o '^[A-Z_]*=' .env.example | while read -r name; do
    grep -q "^$name." .env || echo "$name$(openssl rand -hex 24)" >> .env
done
