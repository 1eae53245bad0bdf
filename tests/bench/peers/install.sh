#!/bin/sh
# install.sh DIR — brings the peers into DIR, nothing into the system: packages of the distribution
# are only unpacked there, those of npm stand below DIR/node.
set -eu

dir=${1:?expected a folder for the peers, e.g. /tmp/peers}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
mkdir -p "$dir/debs/partial" "$dir/root" "$dir/node"
dir=$(CDPATH='' cd -- "$dir" && pwd)

apt-get -y -qq -o Debug::NoLocking=1 -o Dir::Cache::archives="$dir/debs" --no-install-recommends \
    --download-only install beanstalkd ruby-sidekiq python3-celery python3-redis
for deb in "$dir"/debs/*.deb; do dpkg-deb -x "$deb" "$dir/root"; done
npm install --silent --no-audit --no-fund --prefix "$dir/node" \
    bullmq@6.7.0 ioredis@5 bee-queue@2.0.0
cc -O2 -Wall -Wextra -o "$dir/beanstalk" "$here/beanstalk.c"
echo "peers are in $dir"
