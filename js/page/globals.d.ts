/** Addresses that the build fills in, relative to the page. */
declare const __READER__: string;
declare const __WASM__: string;
