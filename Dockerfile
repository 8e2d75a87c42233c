# One image for controller, agent and DHCP daemon. `make image` puts the same layout together without Docker.

# The stock CNI plugin `dhcp`, which is also the daemon, at the version that go.mod pins.
FROM golang:1.26-bookworm AS cni
WORKDIR /cni
COPY test/cluster/tools/cni/go.mod test/cluster/tools/cni/go.sum ./
RUN CGO_ENABLED=0 go build -mod=readonly -trimpath \
    -ldflags="-s -w -X github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion=v1.9.1" \
    -o /out/dhcp github.com/containernetworking/plugins/plugins/ipam/dhcp

FROM node:24-bookworm AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig*.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build && rm -f dist/*.sha256 && cp node_modules/node-linux-*/bin/node /usr/local/bin/node-pinned && strip --strip-unneeded /usr/local/bin/node-pinned

# Nothing but glibc, libstdc++ and certificates: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /usr/local/bin/node-pinned /usr/local/bin/node
COPY --from=build /build/dist/ /app/
COPY --from=cni /out/dhcp /app/cni/dhcp
ENTRYPOINT ["/usr/local/bin/node"]
