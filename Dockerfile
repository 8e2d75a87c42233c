# One image for controller and agent. `make image` puts the same layout together without Docker.
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
ENTRYPOINT ["/usr/local/bin/node"]
