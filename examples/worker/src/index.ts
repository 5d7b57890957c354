/** All of the Worker is in the package: its routes, its cron, and the classes of its Durable Objects. */
export { default, Lane, Runner, Tenant } from "edgebatch/worker";
