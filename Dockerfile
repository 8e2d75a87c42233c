# One image for controller, agent and DHCP daemon. `make image` puts the same layout together without Docker. For several architectures:
#   docker buildx build --platform linux/amd64,linux/arm64 .
# Everything is built on the machine's own architecture for the one that is asked for: nothing is emulated.

# The stock CNI plugin `dhcp`, which is also the daemon, at the version that go.mod pins.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS cni
ARG TARGETARCH
WORKDIR /cni
COPY test/cluster/tools/cni/go.mod test/cluster/tools/cni/go.sum ./
RUN CGO_ENABLED=0 GOARCH=$TARGETARCH go build -mod=readonly -trimpath \
    -ldflags="-s -w -X github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion=v1.9.1" \
    -o /out/dhcp github.com/containernetworking/plugins/plugins/ipam/dhcp

FROM --platform=$BUILDPLATFORM node:24-bookworm AS build
ARG TARGETARCH
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig*.json ./
COPY scripts ./scripts
COPY src ./src
RUN node_modules/.bin/node scripts/image-root.ts /out $TARGETARCH

# Nothing but glibc, libstdc++ and certificates: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/ /
COPY --from=cni /out/dhcp /app/cni/dhcp
ENTRYPOINT ["/usr/local/bin/node"]
