# Builds the static binary and puts it alone into an empty image.
#   docker build -t lode .
#   docker run -p 7700:7700 -v lode-data:/data lode
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ARG COMMIT=unknown
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${COMMIT}" -o /out/lode ./cmd/lode \
 && mkdir -p /out/data /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/lode /lode
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/tmp /tmp
USER 65532:65532
ENV LODE_DATA=/data LODE_LISTEN=0.0.0.0:7700
VOLUME /data
EXPOSE 7700
HEALTHCHECK --interval=10s --timeout=3s CMD ["/lode", "health", "--server", "http://127.0.0.1:7700"]
ENTRYPOINT ["/lode"]
CMD ["serve"]
