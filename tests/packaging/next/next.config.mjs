/** @type {import("next").NextConfig} */
export default {
  // On the server it is loaded as it stands, and finds its files beside it.
  serverExternalPackages: ["edgebatch"],
};
