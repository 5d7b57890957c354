# The image of `edgebatch serve`:
#
#   docker build -t edgebatch .
#   docker run --rm -v edgebatch:/data edgebatch keys add alice       # prints a key
#   docker run -v edgebatch:/data -p 127.0.0.1:8080:8080 -e EDGEBATCH_URL=http://model-server:8000/v1 edgebatch
#
# deploy/ has it with a model server (compose.yaml), and in Kubernetes.

FROM node:24-bookworm-slim AS node

# Everything that is only needed to build stays in this stage.
FROM rust:1.95-slim-bookworm AS build
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
WORKDIR /src
# Packages and tools: made again only when what names their versions has changed.
COPY package.json package-lock.json .npmrc Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY scripts/setup.mjs scripts/setup.mjs
COPY scripts/setup scripts/setup
COPY scripts/lib scripts/lib
RUN node --input-type=module -e 'import { setup } from "/src/scripts/setup.mjs"; setup()'
COPY . .
# What npm would publish, with the packages that it needs to run, in the versions of the lock file.
RUN mkdir /app \
 && npm pack --pack-destination /tmp \
 && tar -xzf /tmp/edgebatch-*.tgz -C /app --strip-components=1 \
 && cp package-lock.json .npmrc /app \
 && npm ci --prefix /app --omit=dev --ignore-scripts \
 # What state that several machines share needs: whoever installs the package chooses that, and an image has it.
 && npm install --prefix /app --omit=dev --ignore-scripts --no-save \
      $(node -p 'const { devDependencies: all } = require("/src/package.json"); `aws4fetch@${all.aws4fetch} pg@${all.pg}`') \
 && rm -r /app/package-lock.json /app/.npmrc /app/deploy /app/docs /app/examples

FROM node:24-bookworm-slim
# The image has what runs, and nothing to install more with.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-* \
 && install -d -o 1000 -g 1000 -m 700 /data
COPY --from=build /app /app
RUN ln -s /app/dist/cli/main.js /usr/local/bin/edgebatch
ENV NODE_ENV=production EDGEBATCH_HOST=0.0.0.0 EDGEBATCH_PORT=8080 EDGEBATCH_DATA=/data
# By number, so that Kubernetes can tell that it is not root.
USER 1000:1000
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.EDGEBATCH_PORT}/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["edgebatch"]
CMD ["serve"]
