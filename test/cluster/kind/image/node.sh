#!/usr/bin/env bash
# A node image for kind as a docker archive, from programs and a root file system that are there: nothing is pulled.
#   BASE  tar of base.sh           KIND  kind's source module: entry point, units and containerd's settings of its own image
#   PROGRAMS  folder with kubeadm kubelet kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy etcd coredns
#             containerd containerd-shim-runc-v2 ctr runc, and cni/ with the plugins
#   VERSION  of Kubernetes, v1.2.3      TAG  reference of the image       OUT  the archive to write      WORK  scratch folder
set -euo pipefail
: "${BASE:?}" "${KIND:?}" "${PROGRAMS:?}" "${VERSION:?}" "${TAG:?}" "${OUT:?}" "${WORK:?}"
here=$(cd "$(dirname "$0")" && pwd)
root=$WORK/root images=$WORK/images
mkdir -p "$root" "$images"

copy_files() {
  tar -C "$root" -xpf "$BASE" --exclude='./dev/*'
  # a module's files are read-only and without the modes that kind's own build gives them
  cp -r "$KIND"/images/base/files/{etc,kind,usr} "$root/"
  chmod -R u+w,go+rX "$root"/{kind,usr/local,etc/containerd,etc/default,etc/systemd,etc/sysctl.d}
  chmod 755 "$root"/usr/local/bin/* "$root"/kind/bin/*
  install -m 755 "$PROGRAMS"/{kubeadm,kubelet,kubectl} "$root/usr/bin/"
  install -m 755 "$PROGRAMS"/{containerd,containerd-shim-runc-v2,ctr} "$root/usr/local/bin/"
  install -m 755 "$PROGRAMS/runc" "$root/usr/local/sbin/"
  mkdir -p "$root"/{opt/cni/bin,etc/cni/net.d,etc/kubernetes/manifests,kind/manifests}
  install -m 755 "$PROGRAMS"/cni/* "$root/opt/cni/bin/"
  chroot "$root" /usr/local/sbin/runc --version >/dev/null # built here: it must fit the image's libraries
}

# What kind's Dockerfile does to Debian: no unit that does not belong into a container.
settle_systemd() {
  local system=$root/etc/systemd/system wants=$root/lib/systemd/system
  rm -f "$wants"/sysinit.target.wants/systemd-tmpfiles-setup.service "$wants"/multi-user.target.wants/* "$system"/*.wants/* \
    "$wants"/local-fs.target.wants/* "$wants"/sockets.target.wants/*{udev,initctl}* "$wants"/basic.target.wants/*
  echo 'ReadKMsg=no' >> "$root/etc/systemd/journald.conf"
  ln -sf /usr/lib/systemd/systemd "$root/sbin/init"
  mkdir -p "$system/multi-user.target.wants"
  for unit in kubelet containerd undo-mount-hacks; do ln -sf "../$unit.service" "$system/multi-user.target.wants/"; done
  ln -sf /dev/null "$system/systemd-binfmt.service" # would register with the whole machine
}

# As kind's own image has it; what this machine cannot do is patched in each cluster's configuration.
settle_containerd() {
  chroot "$root" bash -c 'ctr oci spec | jq "$0" > /etc/containerd/cri-base.json' \
    '.hooks.createContainer += [{path: "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)'
}

# kind reads the version, and applies the manifest: a class that nobody provides for, since no test stores anything.
settle_kind() {
  echo -n "$VERSION" > "$root/kind/version"
  cat > "$root/kind/manifests/default-storage.yaml" <<'YAML'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: standard, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
YAML
}

# archive REFERENCE CONFIG LAYER DIGEST OUT: a docker archive of one layer; DIGEST is that of the layer's tar, unpacked.
archive() {
  local folder
  folder=$(mktemp -d "$WORK/archive.XXXX")
  mv "$3" "$folder/layer.tar"
  printf '{"architecture":"%s","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(dpkg --print-architecture)" "$2" "$4" > "$folder/config.json"
  printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$1" > "$folder/manifest.json"
  tar -C "$folder" -cf "$5" manifest.json config.json layer.tar
  rm -rf "$folder"
}

digest_of() { sha256sum "$1" | cut -d' ' -f1; }

# image REFERENCE ENTRYPOINT FOLDER: an image of what is in the folder, which is used up
image() {
  local layer=$3.layer digest
  mkdir -p "$3/etc/ssl/certs" "$3/tmp"
  cp "$root/etc/ssl/certs/ca-certificates.crt" "$3/etc/ssl/certs/"
  tar -C "$3" --sort=name --mtime=@0 --owner=0 --group=0 --mode=u=rwX,go=rX -cf "$layer" .
  digest=$(digest_of "$layer")
  gzip -1 "$layer"
  rm -rf "$3"
  archive "$1" "{\"Entrypoint\":[\"$2\"],\"Env\":[\"PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"]}" \
    "$layer.gz" "$digest" "$images/$(basename "$3").tar"
}

# kube-proxy runs iptables and its kin: the base's, with their libraries and all the extensions
proxy_files() {
  local folder=$1 file
  chroot "$root" bash -c 'for file in /usr/sbin/{xtables-nft-multi,nft,conntrack} /usr/lib/*/xtables/*.so; do
    echo "$file"; ldd "$file" | grep -o "/[^ ]*"; done' | sort -u > "$WORK/files"
  while read -r file; do install -D -m 755 "$root$(chroot "$root" realpath "$file")" "$folder$file"; done < "$WORK/files"
  for file in ip{,6}tables{,-save,-restore}; do ln -s xtables-nft-multi "$folder/usr/sbin/$file"; done
}

# Every image that kubeadm asks for, under the name by which it asks, and the one for sandboxes, which containerd's settings name.
make_images() {
  local reference name
  for reference in $("$PROGRAMS/kubeadm" config images list --kubernetes-version "$VERSION" 2>/dev/null); do
    name=${reference##*/} name=${name%%:*}
    [ "$name" != pause ] || continue
    install -D -m 755 "$PROGRAMS/$name" "$WORK/$name/usr/local/bin/$name"
    if [ "$name" = kube-proxy ]; then proxy_files "$WORK/$name"; fi
    image "$reference" "/usr/local/bin/$name" "$WORK/$name"
  done
  mkdir -p "$WORK/pause"
  "${CC:-gcc}" -Os -static -s -o "$WORK/pause/pause" "$here/pause.c"
  image "$(sed -n 's/.*sandbox_image = "\(.*\)"/\1/p' "$root/etc/containerd/config.toml")" /pause "$WORK/pause"
}

# Into the store of the image's own containerd, as it is: a node unpacks what it runs.
preload_images() {
  local file pid ctr=("$PROGRAMS/ctr" --address "$WORK/containerd.sock" --namespace k8s.io)
  cat > "$WORK/containerd.toml" <<TOML
version = 3
root = "$root/var/lib/containerd"
state = "$WORK/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images", "io.containerd.nri.v1.nri"]
[grpc]
  address = "$WORK/containerd.sock"
[ttrpc]
  address = "$WORK/containerd.sock.ttrpc"
TOML
  "$PROGRAMS/containerd" --config "$WORK/containerd.toml" > "$WORK/containerd.log" 2>&1 &
  pid=$!
  trap 'kill $pid 2>/dev/null || true' EXIT
  for _ in $(seq 300); do "${ctr[@]}" version > /dev/null 2>&1 && break; sleep 0.1; done
  for file in "$images"/*.tar; do
    "${ctr[@]}" images import --label=io.cri-containerd.pinned=pinned --all-platforms --no-unpack "$file" >> "$WORK/containerd.log" 2>&1 ||
      { tail -n 5 "$WORK/containerd.log" >&2; exit 1; }
  done
  kill "$pid"
  wait "$pid" || true
  trap - EXIT
}

copy_files
settle_systemd
settle_containerd
settle_kind
make_images
preload_images
tar -C "$root" --numeric-owner -cf "$WORK/node.layer" .
archive "$TAG" '{"Env":["container=docker"],"StopSignal":"SIGRTMIN+3","Entrypoint":["/usr/local/bin/entrypoint","/sbin/init"]}' \
  "$WORK/node.layer" "$(digest_of "$WORK/node.layer")" "$OUT"
