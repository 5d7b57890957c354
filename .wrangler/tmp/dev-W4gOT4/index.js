var __defProp = Object.defineProperty;
var __name = (target, value) => __defProp(target, "name", { value, configurable: true });
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};

// node_modules/hono/dist/http-exception.js
var HTTPException = class extends Error {
  static {
    __name(this, "HTTPException");
  }
  res;
  status;
  /**
  * Creates an instance of `HTTPException`.
  * @param status - HTTP status code for the exception. Defaults to 500.
  * @param options - Additional options for the exception.
  */
  constructor(status = 500, options) {
    super(options?.message, { cause: options?.cause });
    this.res = options?.res;
    this.status = status;
  }
  /**
  * Returns the response object associated with the exception.
  * If a response object is not provided, a new response is created with the error message and status code.
  * @returns The response object.
  */
  getResponse() {
    if (this.res) return new Response(this.res.body, {
      status: this.status,
      headers: this.res.headers
    });
    return new Response(this.message, { status: this.status });
  }
};

// node_modules/hono/dist/request/constants.js
var GET_MATCH_RESULT = /* @__PURE__ */ Symbol();

// node_modules/hono/dist/utils/buffer.js
var bufferToFormData = /* @__PURE__ */ __name((arrayBuffer, contentType) => {
  return new Response(arrayBuffer, { headers: { "Content-Type": contentType.replace(/^[^;]+/, (mediaType) => mediaType.toLowerCase()) } }).formData();
}, "bufferToFormData");

// node_modules/hono/dist/utils/body.js
var MAX_NESTED_OBJECTS = 1e4;
var isRawRequest = /* @__PURE__ */ __name((request) => "headers" in request, "isRawRequest");
var parseBody = /* @__PURE__ */ __name(async (request, options = /* @__PURE__ */ Object.create(null)) => {
  const { all = false, dot = false } = options;
  const mediaType = (isRawRequest(request) ? request.headers : request.raw.headers).get("Content-Type")?.split(";")[0].trim().toLowerCase();
  if (mediaType === "multipart/form-data" || mediaType === "application/x-www-form-urlencoded") return parseFormData(request, {
    all,
    dot
  });
  return {};
}, "parseBody");
async function parseFormData(request, options) {
  if (!isRawRequest(request) && request.bodyCache.formData) return convertFormDataToBodyData(await request.bodyCache.formData, options);
  const headers = isRawRequest(request) ? request.headers : request.raw.headers;
  const arrayBuffer = await request.arrayBuffer();
  const formDataPromise = bufferToFormData(arrayBuffer, headers.get("Content-Type") || "");
  if (!isRawRequest(request)) request.bodyCache.formData = formDataPromise;
  const formData = await formDataPromise;
  if (formData) return convertFormDataToBodyData(formData, options);
  return {};
}
__name(parseFormData, "parseFormData");
function convertFormDataToBodyData(formData, options) {
  const form = /* @__PURE__ */ Object.create(null);
  const nestingState = { count: 0 };
  formData.forEach((value, key) => {
    if (!(options.all || key.endsWith("[]"))) form[key] = value;
    else handleParsingAllValues(form, key, value);
  });
  if (options.dot) Object.entries(form).forEach(([key, value]) => {
    if (key.includes(".")) {
      handleParsingNestedValues(form, key, value, nestingState);
      delete form[key];
    }
  });
  return form;
}
__name(convertFormDataToBodyData, "convertFormDataToBodyData");
var handleParsingAllValues = /* @__PURE__ */ __name((form, key, value) => {
  if (form[key] !== void 0) {
    if (Array.isArray(form[key])) form[key].push(value);
    else form[key] = [form[key], value];
  } else if (!key.endsWith("[]")) form[key] = value;
  else form[key] = [value];
}, "handleParsingAllValues");
var handleParsingNestedValues = /* @__PURE__ */ __name((form, key, value, state) => {
  if (/(?:^|\.)__proto__\./.test(key)) return;
  let nestedForm = form;
  const keys2 = key.split(".", 34);
  if (keys2.length > 33) throwNestingLimitExceeded();
  keys2.forEach((key2, index) => {
    if (index === keys2.length - 1) nestedForm[key2] = value;
    else {
      if (!nestedForm[key2] || typeof nestedForm[key2] !== "object" || Array.isArray(nestedForm[key2]) || nestedForm[key2] instanceof File) {
        if (state.count++ >= MAX_NESTED_OBJECTS) throwNestingLimitExceeded();
        nestedForm[key2] = /* @__PURE__ */ Object.create(null);
      }
      nestedForm = nestedForm[key2];
    }
  });
}, "handleParsingNestedValues");
var throwNestingLimitExceeded = /* @__PURE__ */ __name(() => {
  throw new Error("Nesting limit exceeded");
}, "throwNestingLimitExceeded");

// node_modules/hono/dist/utils/url.js
var splitPath = /* @__PURE__ */ __name((path) => {
  const paths = path.split("/");
  if (paths[0] === "") paths.shift();
  return paths;
}, "splitPath");
var splitRoutingPath = /* @__PURE__ */ __name((routePath2) => {
  const { groups, path } = extractGroupsFromPath(routePath2);
  const paths = splitPath(path);
  return replaceGroupMarks(paths, groups);
}, "splitRoutingPath");
var extractGroupsFromPath = /* @__PURE__ */ __name((path) => {
  const groups = [];
  path = path.replace(/\{[^}]+\}/g, (match2, index) => {
    const mark = `@${index}`;
    groups.push([mark, match2]);
    return mark;
  });
  return {
    groups,
    path
  };
}, "extractGroupsFromPath");
var replaceGroupMarks = /* @__PURE__ */ __name((paths, groups) => {
  for (let i = groups.length - 1; i >= 0; i--) {
    const [mark] = groups[i];
    for (let j = paths.length - 1; j >= 0; j--) if (paths[j].includes(mark)) {
      paths[j] = paths[j].replace(mark, groups[i][1]);
      break;
    }
  }
  return paths;
}, "replaceGroupMarks");
var patternCache = {};
var getPattern = /* @__PURE__ */ __name((label, next) => {
  if (label === "*") return "*";
  const match2 = label.match(/^\:([^\{\}]+)(?:\{(.+)\})?$/);
  if (match2) {
    const cacheKey = `${label}#${next}`;
    if (!patternCache[cacheKey]) {
      if (match2[2]) patternCache[cacheKey] = next && next[0] !== ":" && next[0] !== "*" ? [
        cacheKey,
        match2[1],
        new RegExp(`^${match2[2]}(?=/${next})`)
      ] : [
        label,
        match2[1],
        new RegExp(`^${match2[2]}$`)
      ];
      else patternCache[cacheKey] = [
        label,
        match2[1],
        true
      ];
    }
    return patternCache[cacheKey];
  }
  return null;
}, "getPattern");
var tryDecode = /* @__PURE__ */ __name((str, decoder3) => {
  try {
    return decoder3(str);
  } catch {
    return str.replace(/(?:%[0-9A-Fa-f]{2})+/g, (match2) => {
      try {
        return decoder3(match2);
      } catch {
        return match2;
      }
    });
  }
}, "tryDecode");
var decodeURIWithPreservedPercent = /* @__PURE__ */ __name((value) => decodeURI(value.includes("%25") ? value.replace(/%25/g, "%2525") : value), "decodeURIWithPreservedPercent");
var getPath = /* @__PURE__ */ __name((request) => {
  const url = request.url;
  const start = url.indexOf("/", url.indexOf(":") + 4);
  let i = start;
  for (; i < url.length; i++) {
    const charCode = url.charCodeAt(i);
    if (charCode === 37) {
      const queryIndex = url.indexOf("?", i);
      const hashIndex = url.indexOf("#", i);
      const end = queryIndex === -1 ? hashIndex === -1 ? void 0 : hashIndex : hashIndex === -1 ? queryIndex : Math.min(queryIndex, hashIndex);
      const path = url.slice(start, end);
      const decoded = tryDecode(path, decodeURIWithPreservedPercent);
      if (/%(?![0-9A-Fa-f]{2})/.test(path)) {
        const rewritten = new URL("http://localhost");
        rewritten.pathname = decoded.replace(/[\\\t\n\r]/g, encodeURIComponent);
        if (tryDecode(rewritten.pathname, decodeURIWithPreservedPercent) !== decoded) return tryDecode(path.replace(/%(?![0-9A-Fa-f]{2})/g, "%25"), decodeURIWithPreservedPercent);
      }
      return decoded;
    } else if (charCode === 63 || charCode === 35) break;
  }
  return url.slice(start, i);
}, "getPath");
var getPathNoStrict = /* @__PURE__ */ __name((request) => {
  const result2 = getPath(request);
  return result2.length > 1 && result2.at(-1) === "/" ? result2.slice(0, -1) : result2;
}, "getPathNoStrict");
var mergePath = /* @__PURE__ */ __name((base, sub, ...rest) => {
  if (rest.length) sub = mergePath(sub, ...rest);
  return `${base?.[0] === "/" ? "" : "/"}${base}${sub === "/" ? "" : `${base?.at(-1) === "/" ? "" : "/"}${sub?.[0] === "/" ? sub.slice(1) : sub}`}`;
}, "mergePath");
var checkOptionalParameter = /* @__PURE__ */ __name((path) => {
  if (path.charCodeAt(path.length - 1) !== 63 || !path.includes(":")) return null;
  const segments = path.split("/");
  const results = [];
  let basePath = "";
  segments.forEach((segment) => {
    if (segment !== "" && !/\:/.test(segment)) basePath += "/" + segment;
    else if (/\:/.test(segment)) {
      if (segment.charCodeAt(segment.length - 1) === 63) {
        if (results.length === 0 && basePath === "") results.push("/");
        else results.push(basePath);
        const optionalSegment = segment.slice(0, -1);
        basePath += "/" + optionalSegment;
        results.push(basePath);
      } else basePath += "/" + segment;
    }
  });
  return results.filter((v, i, a) => a.indexOf(v) === i);
}, "checkOptionalParameter");
var tryDecodeURIComponent = /* @__PURE__ */ __name((str) => str.indexOf("%") !== -1 ? tryDecode(str, decodeURIComponent_) : str, "tryDecodeURIComponent");
var _decodeURI = /* @__PURE__ */ __name((value) => {
  if (value.indexOf("+") !== -1) value = value.replace(/\+/g, " ");
  return tryDecodeURIComponent(value);
}, "_decodeURI");
var _getQueryParam = /* @__PURE__ */ __name((url, key, multiple) => {
  const hashIndex = url.indexOf("#", 8);
  if (hashIndex !== -1) url = url.slice(0, hashIndex);
  let encoded;
  if (!multiple && key && !/[%+&=]/.test(key)) {
    const queryIndex = url.indexOf("?", 8);
    let keyIndex2 = queryIndex;
    if (keyIndex2 === -1) return;
    if (!url.startsWith(key, keyIndex2 + 1)) keyIndex2 = url.indexOf(`&${key}`, keyIndex2 + 1);
    while (keyIndex2 !== -1) {
      const trailingKeyCode = url.charCodeAt(keyIndex2 + key.length + 1);
      if (trailingKeyCode === 61 || trailingKeyCode === 38 || isNaN(trailingKeyCode)) {
        if (keyIndex2 > queryIndex && /(?:^|&)[^=&]*[%+]/.test(url.slice(queryIndex + 1, keyIndex2))) break;
        if (trailingKeyCode === 61) {
          const valueIndex = keyIndex2 + key.length + 2;
          const endIndex = url.indexOf("&", valueIndex);
          return _decodeURI(url.slice(valueIndex, endIndex === -1 ? void 0 : endIndex));
        }
        return "";
      }
      keyIndex2 = url.indexOf(`&${key}`, keyIndex2 + 1);
    }
    encoded = /[%+]/.test(url);
    if (!encoded) return;
  }
  const results = /* @__PURE__ */ Object.create(null);
  encoded ??= /[%+]/.test(url);
  let keyIndex = url.indexOf("?", 8);
  while (keyIndex !== -1) {
    const nextKeyIndex = url.indexOf("&", keyIndex + 1);
    let valueIndex = url.indexOf("=", keyIndex);
    if (valueIndex > nextKeyIndex && nextKeyIndex !== -1) valueIndex = -1;
    let name = url.slice(keyIndex + 1, valueIndex === -1 ? nextKeyIndex === -1 ? void 0 : nextKeyIndex : valueIndex);
    if (encoded) name = _decodeURI(name);
    keyIndex = nextKeyIndex;
    if (name === "") continue;
    let value;
    if (valueIndex === -1) value = "";
    else {
      value = url.slice(valueIndex + 1, nextKeyIndex === -1 ? void 0 : nextKeyIndex);
      if (encoded) value = _decodeURI(value);
    }
    if (multiple) {
      if (!(results[name] && Array.isArray(results[name]))) results[name] = [];
      results[name].push(value);
    } else results[name] ??= value;
  }
  return key ? results[key] : results;
}, "_getQueryParam");
var getQueryParam = _getQueryParam;
var getQueryParams = /* @__PURE__ */ __name((url, key) => {
  return _getQueryParam(url, key, true);
}, "getQueryParams");
var decodeURIComponent_ = decodeURIComponent;

// node_modules/hono/dist/request.js
var HonoRequest = class {
  static {
    __name(this, "HonoRequest");
  }
  /**
  * `.raw` can get the raw Request object.
  *
  * @see {@link https://hono.dev/docs/api/request#raw}
  *
  * @example
  * ```ts
  * // For Cloudflare Workers
  * app.post('/', async (c) => {
  *   const metadata = c.req.raw.cf?.hostMetadata?
  *   ...
  * })
  * ```
  */
  raw;
  #validatedData;
  #matchResult;
  routeIndex = 0;
  /**
  * `.path` can get the pathname of the request.
  *
  * @see {@link https://hono.dev/docs/api/request#path}
  *
  * @example
  * ```ts
  * app.get('/about/me', (c) => {
  *   const pathname = c.req.path // `/about/me`
  * })
  * ```
  */
  path;
  bodyCache = {};
  constructor(request, path = "/", matchResult = [[]]) {
    this.raw = request;
    this.path = path;
    this.#matchResult = matchResult;
  }
  param(key) {
    return key ? this.#getDecodedParam(key) : this.#getAllDecodedParams();
  }
  #getDecodedParam(key) {
    const paramKey = this.#matchResult[0][this.routeIndex]?.[1][key];
    const param = this.#getParamValue(paramKey);
    return param && tryDecodeURIComponent(param);
  }
  #getAllDecodedParams() {
    const decoded = {};
    const keys2 = Object.keys(this.#matchResult[0][this.routeIndex]?.[1] ?? {});
    for (const key of keys2) {
      const value = this.#getParamValue(this.#matchResult[0][this.routeIndex][1][key]);
      if (value !== void 0) decoded[key] = tryDecodeURIComponent(value);
    }
    return decoded;
  }
  #getParamValue(paramKey) {
    return this.#matchResult[1] ? this.#matchResult[1][paramKey] : paramKey;
  }
  query(key) {
    return getQueryParam(this.url, key);
  }
  queries(key) {
    return getQueryParams(this.url, key);
  }
  header(name) {
    if (name) return this.raw.headers.get(name) ?? void 0;
    const headerData = /* @__PURE__ */ Object.create(null);
    this.raw.headers.forEach((value, key) => {
      headerData[key] = value;
    });
    return headerData;
  }
  async parseBody(options) {
    return parseBody(this, options);
  }
  #cachedBody = /* @__PURE__ */ __name((key) => {
    const { bodyCache, raw: raw2 } = this;
    const cachedBody = bodyCache[key];
    if (cachedBody) return cachedBody;
    for (const anyCachedKey in bodyCache) return bodyCache[anyCachedKey].then((body) => {
      if (anyCachedKey === "json") body = JSON.stringify(body);
      const contentType = anyCachedKey === "formData" ? void 0 : raw2.headers.get("content-type");
      return new Response(body, { headers: contentType ? { "Content-Type": contentType } : void 0 })[key]();
    });
    return bodyCache[key] = raw2[key]();
  }, "#cachedBody");
  /**
  * `.json()` can parse Request body of type `application/json`
  *
  * @see {@link https://hono.dev/docs/api/request#json}
  *
  * @example
  * ```ts
  * app.post('/entry', async (c) => {
  *   const body = await c.req.json()
  * })
  * ```
  */
  json() {
    return this.#cachedBody("text").then((text2) => JSON.parse(text2));
  }
  /**
  * `.text()` can parse Request body of type `text/plain`
  *
  * @see {@link https://hono.dev/docs/api/request#text}
  *
  * @example
  * ```ts
  * app.post('/entry', async (c) => {
  *   const body = await c.req.text()
  * })
  * ```
  */
  text() {
    return this.#cachedBody("text");
  }
  /**
  * `.arrayBuffer()` parse Request body as an `ArrayBuffer`
  *
  * @see {@link https://hono.dev/docs/api/request#arraybuffer}
  *
  * @example
  * ```ts
  * app.post('/entry', async (c) => {
  *   const body = await c.req.arrayBuffer()
  * })
  * ```
  */
  arrayBuffer() {
    return this.#cachedBody("arrayBuffer");
  }
  /**
  * `.bytes()` parses the request body as a `Uint8Array`.
  *
  * @see {@link https://hono.dev/docs/api/request#bytes}
  *
  * @example
  * ```ts
  * app.post('/entry', async (c) => {
  *   const body = await c.req.bytes()
  * })
  * ```
  */
  bytes() {
    return this.#cachedBody("arrayBuffer").then((buffer) => new Uint8Array(buffer));
  }
  /**
  * Parses the request body as a `Blob`.
  * @example
  * ```ts
  * app.post('/entry', async (c) => {
  *   const body = await c.req.blob();
  * });
  * ```
  * @see https://hono.dev/docs/api/request#blob
  */
  blob() {
    return this.#cachedBody("blob");
  }
  /**
  * Parses the request body as `FormData`.
  * @example
  * ```ts
  * app.post('/entry', async (c) => {
  *   const body = await c.req.formData();
  * });
  * ```
  * @see https://hono.dev/docs/api/request#formdata
  */
  formData() {
    return this.#cachedBody("formData");
  }
  /**
  * Adds validated data to the request.
  *
  * @param target - The target of the validation.
  * @param data - The validated data to add.
  */
  addValidatedData(target, data) {
    (this.#validatedData ??= {})[target] = data;
  }
  valid(target) {
    return this.#validatedData?.[target];
  }
  /**
  * `.url` can get the request url strings.
  *
  * @see {@link https://hono.dev/docs/api/request#url}
  *
  * @example
  * ```ts
  * app.get('/about/me', (c) => {
  *   const url = c.req.url // `http://localhost:8787/about/me`
  *   ...
  * })
  * ```
  */
  get url() {
    return this.raw.url;
  }
  /**
  * `.method` can get the method name of the request.
  *
  * @see {@link https://hono.dev/docs/api/request#method}
  *
  * @example
  * ```ts
  * app.get('/about/me', (c) => {
  *   const method = c.req.method // `GET`
  * })
  * ```
  */
  get method() {
    return this.raw.method;
  }
  get [GET_MATCH_RESULT]() {
    return this.#matchResult;
  }
  /**
  * `.matchedRoutes` can return a matched route in the handler
  *
  * @deprecated
  *
  * Use matchedRoutes helper defined in "hono/route" instead.
  *
  * @see {@link https://hono.dev/docs/api/request#matchedroutes}
  *
  * @example
  * ```ts
  * app.use('*', async function logger(c, next) {
  *   await next()
  *   c.req.matchedRoutes.forEach(({ handler, method, path }, i) => {
  *     const name = handler.name || (handler.length < 2 ? '[handler]' : '[middleware]')
  *     console.log(
  *       method,
  *       ' ',
  *       path,
  *       ' '.repeat(Math.max(10 - path.length, 0)),
  *       name,
  *       i === c.req.routeIndex ? '<- respond from here' : ''
  *     )
  *   })
  * })
  * ```
  */
  get matchedRoutes() {
    return this.#matchResult[0].map(([[, route]]) => route);
  }
  /**
  * `.routePath` can retrieve the path registered within the handler
  *
  * @deprecated
  *
  * Use routePath helper defined in "hono/route" instead.
  *
  * @see {@link https://hono.dev/docs/api/request#routepath}
  *
  * @example
  * ```ts
  * app.get('/posts/:id', (c) => {
  *   return c.json({ path: c.req.routePath })
  * })
  * ```
  */
  get routePath() {
    return this.#matchResult[0].map(([[, route]]) => route)[this.routeIndex].path;
  }
};

// node_modules/hono/dist/utils/html.js
var HtmlEscapedCallbackPhase = {
  Stringify: 1,
  BeforeStream: 2,
  Stream: 3
};
var raw = /* @__PURE__ */ __name((value, callbacks) => {
  const escapedString = new String(value);
  escapedString.isEscaped = true;
  escapedString.callbacks = callbacks;
  return escapedString;
}, "raw");
var resolveCallback = /* @__PURE__ */ __name(async (str, phase, preserveCallbacks, context, buffer) => {
  if (typeof str === "object" && !(str instanceof String)) {
    if (!(str instanceof Promise)) str = str.toString();
    if (str instanceof Promise) str = await str;
  }
  const callbacks = str.callbacks;
  if (!callbacks?.length) return Promise.resolve(str);
  if (buffer) buffer[0] += str;
  else buffer = [str];
  const resStr = Promise.all(callbacks.map((c) => c({
    phase,
    buffer,
    context
  }))).then((res) => Promise.all(res.filter(Boolean).map((str2) => resolveCallback(str2, phase, false, context, buffer))).then(() => buffer[0]));
  if (preserveCallbacks) return raw(await resStr, callbacks);
  else return resStr;
}, "resolveCallback");

// node_modules/hono/dist/context.js
var TEXT_PLAIN = "text/plain; charset=UTF-8";
var setDefaultContentType = /* @__PURE__ */ __name((contentType, headers) => {
  return {
    "Content-Type": contentType,
    ...headers
  };
}, "setDefaultContentType");
var createResponseInstance = /* @__PURE__ */ __name((body, init) => new Response(body, init), "createResponseInstance");
var Context = class {
  static {
    __name(this, "Context");
  }
  #rawRequest;
  #req;
  /**
  * `.env` can get bindings (environment variables, secrets, KV namespaces, D1 database, R2 bucket etc.) in Cloudflare Workers.
  *
  * @see {@link https://hono.dev/docs/api/context#env}
  *
  * @example
  * ```ts
  * // Environment object for Cloudflare Workers
  * app.get('*', async c => {
  *   const counter = c.env.COUNTER
  * })
  * ```
  */
  env = {};
  #var;
  finalized = false;
  /**
  * `.error` can get the error object from the middleware if the Handler throws an error.
  *
  * @see {@link https://hono.dev/docs/api/context#error}
  *
  * @example
  * ```ts
  * app.use('*', async (c, next) => {
  *   await next()
  *   if (c.error) {
  *     // do something...
  *   }
  * })
  * ```
  */
  error;
  #status;
  #executionCtx;
  #res;
  #layout;
  #renderer;
  #notFoundHandler;
  #preparedHeaders;
  #matchResult;
  #path;
  /**
  * Creates an instance of the Context class.
  *
  * @param req - The Request object.
  * @param options - Optional configuration options for the context.
  */
  constructor(req, options) {
    this.#rawRequest = req;
    if (options) {
      this.#executionCtx = options.executionCtx;
      this.env = options.env;
      this.#notFoundHandler = options.notFoundHandler;
      this.#path = options.path;
      this.#matchResult = options.matchResult;
    }
  }
  /**
  * `.req` is the instance of {@link HonoRequest}.
  */
  get req() {
    this.#req ??= new HonoRequest(this.#rawRequest, this.#path, this.#matchResult);
    return this.#req;
  }
  /**
  * @see {@link https://hono.dev/docs/api/context#event}
  * The FetchEvent associated with the current request.
  *
  * @throws Will throw an error if the context does not have a FetchEvent.
  */
  get event() {
    if (this.#executionCtx && "respondWith" in this.#executionCtx) return this.#executionCtx;
    else throw Error("This context has no FetchEvent");
  }
  /**
  * @see {@link https://hono.dev/docs/api/context#executionctx}
  * The ExecutionContext associated with the current request.
  *
  * @throws Will throw an error if the context does not have an ExecutionContext.
  */
  get executionCtx() {
    if (this.#executionCtx) return this.#executionCtx;
    else throw Error("This context has no ExecutionContext");
  }
  /**
  * @see {@link https://hono.dev/docs/api/context#res}
  * The Response object for the current request.
  */
  get res() {
    return this.#res ||= createResponseInstance(null, { headers: this.#preparedHeaders ??= new Headers() });
  }
  /**
  * Sets the Response object for the current request.
  *
  * @param _res - The Response object to set.
  */
  set res(_res) {
    if (this.#res && _res) {
      _res = createResponseInstance(_res.body, _res);
      for (const [k, v] of this.#res.headers.entries()) {
        if (k === "content-type") continue;
        if (k === "set-cookie") {
          const cookies = this.#res.headers.getSetCookie();
          _res.headers.delete("set-cookie");
          for (const cookie of cookies) _res.headers.append("set-cookie", cookie);
        } else _res.headers.set(k, v);
      }
    }
    this.#res = _res;
    this.finalized = true;
  }
  /**
  * `.render()` can create a response within a layout.
  *
  * @see {@link https://hono.dev/docs/api/context#render-setrenderer}
  *
  * @example
  * ```ts
  * app.get('/', (c) => {
  *   return c.render('Hello!')
  * })
  * ```
  */
  render = /* @__PURE__ */ __name((...args) => {
    this.#renderer ??= (content2) => this.html(content2);
    return this.#renderer(...args);
  }, "render");
  /**
  * Sets the layout for the response.
  *
  * @param layout - The layout to set.
  * @returns The layout function.
  */
  setLayout = /* @__PURE__ */ __name((layout) => this.#layout = layout, "setLayout");
  /**
  * Gets the current layout for the response.
  *
  * @returns The current layout function.
  */
  getLayout = /* @__PURE__ */ __name(() => this.#layout, "getLayout");
  /**
  * `.setRenderer()` can set the layout in the custom middleware.
  *
  * @see {@link https://hono.dev/docs/api/context#render-setrenderer}
  *
  * @example
  * ```tsx
  * app.use('*', async (c, next) => {
  *   c.setRenderer((content) => {
  *     return c.html(
  *       <html>
  *         <body>
  *           <p>{content}</p>
  *         </body>
  *       </html>
  *     )
  *   })
  *   await next()
  * })
  * ```
  */
  setRenderer = /* @__PURE__ */ __name((renderer) => {
    this.#renderer = renderer;
  }, "setRenderer");
  /**
  * `.header()` can set headers.
  *
  * @see {@link https://hono.dev/docs/api/context#header}
  *
  * @example
  * ```ts
  * app.get('/welcome', (c) => {
  *   // Set headers
  *   c.header('X-Message', 'Hello!')
  *   c.header('Content-Type', 'text/plain')
  *
  *   // Append multiple headers using the append option (e.g. Vary)
  *   c.header('Vary', 'Accept-Encoding', { append: true })
  *   c.header('Vary', 'User-Agent', { append: true })
  *
  *   return c.body('Thank you for coming')
  * })
  * ```
  */
  header = /* @__PURE__ */ __name((name, value, options) => {
    if (this.finalized && !this.#res.bodyUsed) this.#res = createResponseInstance(this.#res.body, this.#res);
    const headers = this.#res ? this.#res.headers : this.#preparedHeaders ??= new Headers();
    if (value === void 0) headers.delete(name);
    else if (options?.append) headers.append(name, value);
    else headers.set(name, value);
  }, "header");
  status = /* @__PURE__ */ __name((status) => {
    this.#status = status;
  }, "status");
  /**
  * `.set()` can set the value specified by the key.
  *
  * @see {@link https://hono.dev/docs/api/context#set-get}
  *
  * @example
  * ```ts
  * app.use('*', async (c, next) => {
  *   c.set('message', 'Hono is hot!!')
  *   await next()
  * })
  * ```
  */
  set = /* @__PURE__ */ __name((key, value) => {
    this.#var ??= /* @__PURE__ */ new Map();
    this.#var.set(key, value);
  }, "set");
  /**
  * `.get()` can use the value specified by the key.
  *
  * @see {@link https://hono.dev/docs/api/context#set-get}
  *
  * @example
  * ```ts
  * app.get('/', (c) => {
  *   const message = c.get('message')
  *   return c.text(`The message is "${message}"`)
  * })
  * ```
  */
  get = /* @__PURE__ */ __name((key) => {
    return this.#var ? this.#var.get(key) : void 0;
  }, "get");
  /**
  * `.var` can access the value of a variable.
  *
  * @see {@link https://hono.dev/docs/api/context#var}
  *
  * @example
  * ```ts
  * const result = c.var.client.oneMethod()
  * ```
  */
  get var() {
    if (!this.#var) return {};
    return Object.fromEntries(this.#var);
  }
  #newResponse(data, arg, headers) {
    let responseHeaders = this.#res ? new Headers(this.#res.headers) : this.#preparedHeaders;
    if (typeof arg === "object" && arg.headers) {
      responseHeaders ??= new Headers();
      for (const [key, value] of new Headers(arg.headers)) if (key === "set-cookie") responseHeaders.append(key, value);
      else responseHeaders.set(key, value);
    }
    if (headers) {
      if (!responseHeaders) {
        let count = 0;
        for (const k in headers) if (++count > 1 || typeof headers[k] !== "string") {
          responseHeaders = new Headers();
          break;
        }
      }
      if (responseHeaders) for (const k in headers) {
        const v = headers[k];
        if (typeof v === "string") responseHeaders.set(k, v);
        else {
          responseHeaders.delete(k);
          for (const v2 of v) responseHeaders.append(k, v2);
        }
      }
    }
    const status = typeof arg === "number" ? arg : arg?.status ?? this.#status;
    return createResponseInstance(data, {
      status,
      headers: responseHeaders ?? headers
    });
  }
  newResponse = /* @__PURE__ */ __name((...args) => this.#newResponse(...args), "newResponse");
  /**
  * `.body()` can return the HTTP response.
  * You can set headers with `.header()` and set HTTP status code with `.status`.
  * This can also be set in `.text()`, `.json()` and so on.
  *
  * @see {@link https://hono.dev/docs/api/context#body}
  *
  * @example
  * ```ts
  * app.get('/welcome', (c) => {
  *   // Set headers
  *   c.header('X-Message', 'Hello!')
  *   c.header('Content-Type', 'text/plain')
  *   // Set HTTP status code
  *   c.status(201)
  *
  *   // Return the response body
  *   return c.body('Thank you for coming')
  * })
  * ```
  */
  body = /* @__PURE__ */ __name((data, arg, headers) => this.#newResponse(data, arg, headers), "body");
  /**
  * `.text()` can render text as `Content-Type:text/plain`.
  *
  * @see {@link https://hono.dev/docs/api/context#text}
  *
  * @example
  * ```ts
  * app.get('/say', (c) => {
  *   return c.text('Hello!')
  * })
  * ```
  */
  text = /* @__PURE__ */ __name((text2, arg, headers) => {
    return !this.#preparedHeaders && !this.#status && !arg && !headers && !this.finalized ? new Response(text2) : this.#newResponse(text2, arg, setDefaultContentType(TEXT_PLAIN, headers));
  }, "text");
  /**
  * `.json()` can render JSON as `Content-Type:application/json`.
  *
  * @see {@link https://hono.dev/docs/api/context#json}
  *
  * @example
  * ```ts
  * app.get('/api', (c) => {
  *   return c.json({ message: 'Hello!' })
  * })
  * ```
  */
  json = /* @__PURE__ */ __name((object, arg, headers) => {
    return this.#newResponse(JSON.stringify(object), arg, setDefaultContentType("application/json", headers));
  }, "json");
  html = /* @__PURE__ */ __name((html, arg, headers) => {
    const res = /* @__PURE__ */ __name((html2) => this.#newResponse(html2, arg, setDefaultContentType("text/html; charset=UTF-8", headers)), "res");
    return typeof html === "object" ? resolveCallback(html, HtmlEscapedCallbackPhase.Stringify, false, {}).then(res) : res(html);
  }, "html");
  /**
  * `.redirect()` can Redirect, default status code is 302.
  *
  * @see {@link https://hono.dev/docs/api/context#redirect}
  *
  * @example
  * ```ts
  * app.get('/redirect', (c) => {
  *   return c.redirect('/')
  * })
  * app.get('/redirect-permanently', (c) => {
  *   return c.redirect('/', 301)
  * })
  * ```
  */
  redirect = /* @__PURE__ */ __name((location, status) => {
    const locationString = String(location);
    this.header("Location", !/[^\x00-\xFF]/.test(locationString) ? locationString : encodeURI(locationString));
    return this.newResponse(null, status ?? 302);
  }, "redirect");
  /**
  * `.notFound()` can return the Not Found Response.
  *
  * @see {@link https://hono.dev/docs/api/context#notfound}
  *
  * @example
  * ```ts
  * app.get('/notfound', (c) => {
  *   return c.notFound()
  * })
  * ```
  */
  notFound = /* @__PURE__ */ __name(() => {
    this.#notFoundHandler ??= () => createResponseInstance();
    return this.#notFoundHandler(this);
  }, "notFound");
};

// node_modules/hono/dist/compose.js
var compose = /* @__PURE__ */ __name((middleware, onError, onNotFound) => {
  return (context, next) => {
    let index = -1;
    return dispatch(0);
    async function dispatch(i) {
      if (i <= index) throw new Error("next() called multiple times");
      index = i;
      let res;
      let isError = false;
      let handler;
      if (middleware[i]) {
        handler = middleware[i][0][0];
        context.req.routeIndex = i;
      } else handler = i === middleware.length && next || void 0;
      if (handler) try {
        res = await handler(context, () => dispatch(i + 1));
      } catch (err) {
        if (err instanceof Error && onError) {
          context.error = err;
          res = await onError(err, context);
          isError = true;
        } else throw err;
      }
      else if (context.finalized === false && onNotFound) res = await onNotFound(context);
      if (res && (context.finalized === false || isError)) context.res = res;
      return context;
    }
    __name(dispatch, "dispatch");
  };
}, "compose");

// node_modules/hono/dist/helper/route/index.js
var matchedRoutes = /* @__PURE__ */ __name((c) => c.req[GET_MATCH_RESULT][0].map(([[, route]]) => route), "matchedRoutes");
var routePath = /* @__PURE__ */ __name((c, index) => matchedRoutes(c).at(index ?? c.req.routeIndex)?.path ?? "", "routePath");

// node_modules/hono/dist/router.js
var METHODS = [
  "get",
  "post",
  "put",
  "delete",
  "options",
  "patch",
  "query"
];
var MESSAGE_MATCHER_IS_ALREADY_BUILT = "Can not add a route since the matcher is already built.";
var UnsupportedPathError = class extends Error {
  static {
    __name(this, "UnsupportedPathError");
  }
};

// node_modules/hono/dist/utils/constants.js
var COMPOSED_HANDLER = "__COMPOSED_HANDLER";

// node_modules/hono/dist/utils/mount.js
var countTrailingSlashes = /* @__PURE__ */ __name((path) => {
  let index = path.length;
  while (index > 0 && path.charCodeAt(index - 1) === 47) index--;
  return path.length - index;
}, "countTrailingSlashes");
var getPathPrefixLength = /* @__PURE__ */ __name((c, pathPrefix, routePath2) => {
  if (!/[:*]/.test(pathPrefix)) return pathPrefix.length;
  const path = c.req.path;
  const matchResult = c.req[GET_MATCH_RESULT];
  const paramNames = /* @__PURE__ */ new Set();
  let length = 0;
  for (const part of splitRoutingPath(pathPrefix)) {
    if (part[0] === ":" && part.endsWith("}?")) throw new Error(`mount(): Optional regular expression parameters are not supported in "${routePath2}".`);
    const pattern = getPattern(part);
    if (pattern && pattern !== "*") {
      const name = pattern[1];
      if (paramNames.has(name)) throw new Error(`mount(): Duplicate path parameter "${name}" in "${routePath2}".`);
      paramNames.add(name);
    }
    if (pattern && pattern !== "*" && pattern[2] !== true) {
      const value = matchResult.length === 2 ? matchResult[1][matchResult[0][c.req.routeIndex][1][pattern[1]]] : matchResult[0][c.req.routeIndex][1][pattern[1]];
      length += value.length + 1;
    } else if (pattern || part.endsWith("*")) {
      const end = path.indexOf("/", length + 1);
      length = end === -1 ? path.length : end;
    } else length += part.length + 1;
  }
  return length;
}, "getPathPrefixLength");
var createMountedRequest = /* @__PURE__ */ __name((c, pathPrefix, routePath2) => {
  if (/[^/]\*$/.test(routePath2)) throw new Error(`mount(): Wildcard must follow "/" in "${routePath2}".`);
  const prefixLength = getPathPrefixLength(c, pathPrefix, routePath2);
  const path = c.req.path.slice(prefixLength) || "/";
  if (prefixLength > c.req.path.length || path[0] !== "/" || /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path)) throw new HTTPException(400, { message: "Invalid mounted path" });
  const rawUrl = c.req.raw.url;
  if (/^[^/?#]*\/\/[^/?#\\]*[?#\\]/.test(rawUrl)) throw new HTTPException(400, { message: "Invalid mounted path" });
  const rawPathEnd = rawUrl.search(/[?#]/);
  const rawTrailingSlashes = countTrailingSlashes(rawPathEnd === -1 ? rawUrl : rawUrl.slice(0, rawPathEnd));
  if (rawTrailingSlashes > 1 && countTrailingSlashes(c.req.path) === rawTrailingSlashes - 1) throw new HTTPException(400, { message: "Invalid mounted path" });
  const url = new URL(rawUrl);
  url.pathname = path.replace(/[\\\t\n\r]/g, encodeURIComponent);
  if (path.includes("%")) {
  }
  return new Request(url, c.req.raw);
}, "createMountedRequest");

// node_modules/hono/dist/hono-base.js
var notFoundHandler = /* @__PURE__ */ __name((c) => {
  return c.text("404 Not Found", 404);
}, "notFoundHandler");
var errorHandler = /* @__PURE__ */ __name((err, c) => {
  if ("getResponse" in err) {
    const res = err.getResponse();
    return c.newResponse(res.body, res);
  }
  console.error(err);
  return c.text("Internal Server Error", 500);
}, "errorHandler");
var Hono = class Hono2 {
  static {
    __name(this, "Hono");
  }
  get;
  post;
  put;
  delete;
  options;
  patch;
  query;
  all;
  on;
  use;
  router;
  getPath;
  _basePath = "/";
  #path = "/";
  routes = [];
  constructor(options = {}) {
    [...METHODS, "all"].forEach((method) => {
      this[method] = (args1, ...args) => {
        const methodName = method.toUpperCase();
        if (typeof args1 === "string") this.#path = args1;
        else this.#addRoute(methodName, this.#path, args1);
        args.forEach((handler) => {
          this.#addRoute(methodName, this.#path, handler);
        });
        return this;
      };
    });
    this.on = (method, path, ...handlers) => {
      for (const p of [path].flat()) {
        this.#path = p;
        for (const m of [method].flat()) {
          const methodName = m.toUpperCase();
          for (const handler of handlers) this.#addRoute(methodName, this.#path, handler);
        }
      }
      return this;
    };
    this.use = (arg1, ...handlers) => {
      if (typeof arg1 === "string") this.#path = arg1;
      else {
        this.#path = "*";
        handlers.unshift(arg1);
      }
      handlers.forEach((handler) => {
        this.#addRoute("ALL", this.#path, handler);
      });
      return this;
    };
    const { strict, ...optionsWithoutStrict } = options;
    Object.assign(this, optionsWithoutStrict);
    this.getPath = strict ?? true ? options.getPath ?? getPath : getPathNoStrict;
  }
  #clone() {
    const clone = new Hono2({
      router: this.router,
      getPath: this.getPath
    });
    clone.errorHandler = this.errorHandler;
    clone.#notFoundHandler = this.#notFoundHandler;
    clone.routes = this.routes;
    return clone;
  }
  #notFoundHandler = notFoundHandler;
  errorHandler = errorHandler;
  /**
  * `.route()` allows grouping other Hono instance in routes.
  *
  * @see {@link https://hono.dev/docs/api/routing#grouping}
  *
  * @param {string} path - base Path
  * @param {Hono} app - other Hono instance
  * @returns {Hono} routed Hono instance
  *
  * @example
  * ```ts
  * const app = new Hono()
  * const app2 = new Hono()
  *
  * app2.get("/user", (c) => c.text("user"))
  * app.route("/api", app2) // GET /api/user
  * ```
  */
  route(path, app2) {
    const subApp = this.basePath(path);
    app2.routes.map((r) => {
      let handler;
      if (app2.errorHandler === errorHandler) handler = r.handler;
      else {
        handler = /* @__PURE__ */ __name(async (c, next) => (await compose([], app2.errorHandler)(c, () => r.handler(c, next))).res, "handler");
        handler[COMPOSED_HANDLER] = r.handler;
      }
      subApp.#addRoute(r.method, r.path, handler, r.basePath);
    });
    return this;
  }
  /**
  * `.basePath()` allows base paths to be specified.
  *
  * @see {@link https://hono.dev/docs/api/routing#base-path}
  *
  * @param {string} path - base Path
  * @returns {Hono} changed Hono instance
  *
  * @example
  * ```ts
  * const api = new Hono().basePath('/api')
  * ```
  */
  basePath(path) {
    const subApp = this.#clone();
    subApp._basePath = mergePath(this._basePath, path);
    return subApp;
  }
  /**
  * `.onError()` handles an error and returns a customized Response.
  *
  * @see {@link https://hono.dev/docs/api/hono#error-handling}
  *
  * @param {ErrorHandler} handler - request Handler for error
  * @returns {Hono} changed Hono instance
  *
  * @example
  * ```ts
  * app.onError((err, c) => {
  *   console.error(`${err}`)
  *   return c.text('Custom Error Message', 500)
  * })
  * ```
  */
  onError = /* @__PURE__ */ __name((handler) => {
    this.errorHandler = handler;
    return this;
  }, "onError");
  /**
  * `.notFound()` allows you to customize a Not Found Response.
  *
  * @see {@link https://hono.dev/docs/api/hono#not-found}
  *
  * @param {NotFoundHandler} handler - request handler for not-found
  * @returns {Hono} changed Hono instance
  *
  * @example
  * ```ts
  * app.notFound((c) => {
  *   return c.text('Custom 404 Message', 404)
  * })
  * ```
  */
  notFound = /* @__PURE__ */ __name((handler) => {
    this.#notFoundHandler = handler;
    return this;
  }, "notFound");
  /**
  * `.mount()` allows you to mount applications built with other frameworks into your Hono application.
  *
  * @deprecated Use `mount()` from `hono/mount` instead. `.mount()` will be removed in v5.
  *
  * @see {@link https://hono.dev/docs/api/hono#mount}
  *
  * @param {string} path - base Path
  * @param {Function} applicationHandler - other Request Handler
  * @param {MountOptions} [options] - options of `.mount()`
  * @returns {Hono} mounted Hono instance
  * @throws {Error} If automatic request rewriting encounters duplicate path parameter names or an optional regular expression parameter.
  * @throws {HTTPException} With status 400 if automatic request rewriting cannot safely preserve the routed path.
  *
  * @example
  * ```ts
  * import { Router as IttyRouter } from 'itty-router'
  * import { Hono } from 'hono'
  * // Create itty-router application
  * const ittyRouter = IttyRouter()
  * // GET /itty-router/hello
  * ittyRouter.get('/hello', () => new Response('Hello from itty-router'))
  *
  * const app = new Hono()
  * app.mount('/itty-router', ittyRouter.handle)
  * ```
  *
  * @example
  * ```ts
  * const app = new Hono()
  * // Send the request to another application without modification.
  * app.mount('/app', anotherApp, {
  *   replaceRequest: (req) => req,
  * })
  * ```
  */
  mount(path, applicationHandler, options) {
    let replaceRequest;
    let optionHandler;
    if (options) {
      if (typeof options === "function") optionHandler = options;
      else {
        optionHandler = options.optionHandler;
        if (options.replaceRequest === false) replaceRequest = /* @__PURE__ */ __name((request) => request, "replaceRequest");
        else replaceRequest = options.replaceRequest;
      }
    }
    const getOptions = optionHandler ? (c) => {
      const options2 = optionHandler(c);
      return Array.isArray(options2) ? options2 : [options2];
    } : (c) => {
      let executionContext = void 0;
      try {
        executionContext = c.executionCtx;
      } catch {
      }
      return [c.env, executionContext];
    };
    const defaultReplaceRequest = /* @__PURE__ */ __name((c) => {
      const mountedRoutePath = routePath(c);
      return createMountedRequest(c, mountedRoutePath.replace(/\/?\*$/, ""), mountedRoutePath);
    }, "defaultReplaceRequest");
    const handler = /* @__PURE__ */ __name(async (c, next) => {
      const res = await applicationHandler(replaceRequest ? replaceRequest(c.req.raw) : defaultReplaceRequest(c), ...getOptions(c));
      if (res) return res;
      await next();
    }, "handler");
    this.#addRoute("ALL", mergePath(path, "*"), handler);
    return this;
  }
  #addRoute(method, path, handler, baseRoutePath) {
    path = mergePath(this._basePath, path);
    const r = {
      basePath: baseRoutePath !== void 0 ? mergePath(this._basePath, baseRoutePath) : this._basePath,
      path,
      method,
      handler
    };
    this.router.add(method, path, [handler, r]);
    this.routes.push(r);
  }
  #handleError(err, c) {
    if (err instanceof Error) return this.errorHandler(err, c);
    throw err;
  }
  #dispatch(request, executionCtx, env, method) {
    if (method === "HEAD") return (async () => new Response(null, await this.#dispatch(request, executionCtx, env, "GET")))();
    const path = this.getPath(request, { env });
    const matchResult = this.router.match(method, path);
    const c = new Context(request, {
      path,
      matchResult,
      env,
      executionCtx,
      notFoundHandler: this.#notFoundHandler
    });
    if (matchResult[0].length === 1) {
      let res;
      try {
        res = matchResult[0][0][0][0](c, async () => {
          c.res = await this.#notFoundHandler(c);
        });
      } catch (err) {
        return this.#handleError(err, c);
      }
      return res instanceof Promise ? res.then((resolved) => resolved || (c.finalized ? c.res : this.#notFoundHandler(c))).catch((err) => this.#handleError(err, c)) : res ?? this.#notFoundHandler(c);
    }
    const composed = compose(matchResult[0], this.errorHandler, this.#notFoundHandler);
    return (async () => {
      try {
        const context = await composed(c);
        if (!context.finalized) throw new Error("Context is not finalized. Did you forget to return a Response object or `await next()`?");
        return context.res;
      } catch (err) {
        return this.#handleError(err, c);
      }
    })();
  }
  /**
  * `.fetch()` will be entry point of your app.
  *
  * @see {@link https://hono.dev/docs/api/hono#fetch}
  *
  * @param {Request} request - request Object of request
  * @param {Env} env - env Object
  * @param {ExecutionContext} executionCtx - context of execution
  * @returns {Response | Promise<Response>} response of request
  *
  */
  fetch = /* @__PURE__ */ __name((request, ...rest) => {
    return this.#dispatch(request, rest[1], rest[0], request.method);
  }, "fetch");
  /**
  * `.request()` is a useful method for testing.
  * You can pass a URL or pathname to send a GET request.
  * app will return a Response object.
  * ```ts
  * test('GET /hello is ok', async () => {
  *   const res = await app.request('/hello')
  *   expect(res.status).toBe(200)
  * })
  * ```
  * @see https://hono.dev/docs/api/hono#request
  */
  request = /* @__PURE__ */ __name((input, requestInit, Env, executionCtx) => {
    if (input instanceof Request) return this.fetch(requestInit ? new Request(input, requestInit) : input, Env, executionCtx);
    input = input.toString();
    return this.fetch(new Request(/^https?:\/\//.test(input) ? input : `http://localhost${mergePath("/", input)}`, requestInit), Env, executionCtx);
  }, "request");
  /**
  * `.fire()` automatically adds a global fetch event listener.
  * This can be useful for environments that adhere to the Service Worker API, such as non-ES module Cloudflare Workers.
  * @deprecated
  * Use `fire` from `hono/service-worker` instead.
  * ```ts
  * import { Hono } from 'hono'
  * import { fire } from 'hono/service-worker'
  *
  * const app = new Hono()
  * // ...
  * fire(app)
  * ```
  * @see https://hono.dev/docs/api/hono#fire
  * @see https://developer.mozilla.org/en-US/docs/Web/API/Service_Worker_API
  * @see https://developers.cloudflare.com/workers/reference/migrate-to-module-workers/
  */
  fire = /* @__PURE__ */ __name(() => {
    addEventListener("fetch", (event) => {
      event.respondWith(this.#dispatch(event.request, event, void 0, event.request.method));
    });
  }, "fire");
};

// node_modules/hono/dist/router/utils.js
var createNullObject = /* @__PURE__ */ __name(() => /* @__PURE__ */ Object.create(null), "createNullObject");

// node_modules/hono/dist/router/reg-exp-router/matcher.js
var emptyParam = [];
function match(method, path) {
  const matchers = this.buildAllMatchers();
  const match2 = /* @__PURE__ */ __name(((method2, path2) => {
    const matcher = matchers[method2] || matchers["ALL"];
    const staticMatch = matcher[2][path2];
    if (staticMatch) return staticMatch;
    const match3 = path2.match(matcher[0]);
    if (!match3) return [[], emptyParam];
    const index = match3.indexOf("", 1);
    return [matcher[1][index], match3];
  }), "match");
  this.match = match2;
  return match2(method, path);
}
__name(match, "match");

// node_modules/hono/dist/router/reg-exp-router/node.js
var LABEL_REG_EXP_STR = "[^/]+";
var ONLY_WILDCARD_REG_EXP_STR = "[^]*";
var TAIL_WILDCARD_REG_EXP_STR = "(?:|/[^]*)";
var PATH_ERROR = /* @__PURE__ */ Symbol();
var regExpMetaChars = /* @__PURE__ */ new Set(".\\+*[^]$()");
function compareKey(a, b) {
  if (a.length === 1) return b.length === 1 ? a < b ? -1 : 1 : -1;
  if (b.length === 1) return 1;
  if (a === "[^]*" || a === "(?:|/[^]*)") return b === "[^]*" ? -1 : 1;
  else if (b === "[^]*" || b === "(?:|/[^]*)") return -1;
  if (a === "[^/]+") return 1;
  else if (b === "[^/]+") return -1;
  return a.length === b.length ? a < b ? -1 : 1 : b.length - a.length;
}
__name(compareKey, "compareKey");
var Node = class Node2 {
  static {
    __name(this, "Node");
  }
  #index;
  #varIndex;
  #children = createNullObject();
  insert(tokens2, index, paramMap, context, keys2) {
    let node = this;
    for (let i = 0, len = tokens2.length; i < len; i++) {
      const token = tokens2[i];
      const pattern = token.length === 1 ? token === "*" ? i === len - 1 ? [
        "",
        "",
        ONLY_WILDCARD_REG_EXP_STR
      ] : [
        "",
        "",
        LABEL_REG_EXP_STR
      ] : null : token === "/*" ? [
        "",
        "",
        TAIL_WILDCARD_REG_EXP_STR
      ] : token.match(/^\:([^\{\}]+)(?:\{(.+)\})?$/);
      let nextNode;
      if (pattern) {
        const name = pattern[1];
        let regexpStr = pattern[2] || "[^/]+";
        if (name && pattern[2]) {
          if (new RegExp(regexpStr).test("")) throw PATH_ERROR;
          regexpStr = regexpStr.replace(/^\((?!\?:)(?=[^)]+\)$)/, "(?:");
          if (/\((?!\?:)/.test(regexpStr)) throw PATH_ERROR;
          if (regexpStr.length === 1 && regExpMetaChars.has(regexpStr)) throw PATH_ERROR;
        }
        keys2.push(regexpStr);
        nextNode = node.#children[regexpStr];
        if (!nextNode) {
          if (regexpStr !== "[^]*" && regexpStr !== "(?:|/[^]*)") {
            for (const k in node.#children) if ((regexpStr.length > 1 || k.length > 1) && k !== "[^]*" && k !== "(?:|/[^]*)") throw PATH_ERROR;
          }
          nextNode = node.#children[regexpStr] = new Node2();
        }
        if (name !== "") {
          nextNode.#varIndex ??= context.varIndex++;
          paramMap.push([name, nextNode.#varIndex]);
        }
      } else {
        keys2.push(token);
        nextNode = node.#children[token];
        if (!nextNode) {
          for (const k in node.#children) if (k.length > 1 && k !== "[^]*" && k !== "(?:|/[^]*)") throw PATH_ERROR;
          nextNode = node.#children[token] = new Node2();
        }
      }
      node = nextNode;
    }
    if (node.#index !== void 0) throw PATH_ERROR;
    node.#index = index;
  }
  buildRegExpStr() {
    const strList = Object.keys(this.#children).sort(compareKey).map((k) => {
      const c = this.#children[k];
      const childStr = c.buildRegExpStr();
      return childStr === "" ? "" : (typeof c.#varIndex === "number" ? `(${k})@${c.#varIndex}` : regExpMetaChars.has(k) ? `\\${k}` : k) + childStr;
    }).filter(Boolean);
    if (typeof this.#index === "number" && this.#index !== -1) strList.unshift(`#${this.#index}`);
    if (strList.length === 0) return "";
    if (strList.length === 1) return strList[0];
    return "(?:" + strList.join("|") + ")";
  }
};

// node_modules/hono/dist/router/reg-exp-router/trie.js
var Trie = class {
  static {
    __name(this, "Trie");
  }
  #context = { varIndex: 0 };
  #root = new Node();
  #index = 0;
  paths = createNullObject();
  insert(path, isStatic) {
    const keys2 = [];
    if (isStatic) {
      this.#root.insert(path.split(""), -1, [], this.#context, keys2);
      this.paths[path] = [
        -1,
        [],
        keys2
      ];
      return;
    }
    const paramAssoc = [];
    const groups = [];
    let markedPath = path;
    for (let i = 0; ; ) {
      let replaced = false;
      markedPath = markedPath.replace(/\{(?:\{[\d,]+\}|[^}])+\}/g, (m) => {
        const mark = `@\\${i}`;
        groups[i] = [mark, m];
        i++;
        replaced = true;
        return mark;
      });
      if (!replaced) break;
    }
    const tokens2 = markedPath.match(/(?::[^\/]+)|(?:\/\*$)|./gs) || [];
    for (let i = groups.length - 1; i >= 0; i--) {
      const [mark] = groups[i];
      for (let j = tokens2.length - 1; j >= 0; j--) if (tokens2[j].indexOf(mark) !== -1) {
        tokens2[j] = tokens2[j].replace(mark, groups[i][1]);
        break;
      }
    }
    this.#root.insert(tokens2, this.#index, paramAssoc, this.#context, keys2);
    this.paths[path] = [
      this.#index++,
      paramAssoc,
      keys2
    ];
  }
  buildRegExp() {
    let regexp = this.#root.buildRegExpStr();
    if (regexp === "") return [
      /^$/,
      [],
      []
    ];
    let captureIndex = 0;
    const indexReplacementMap = [];
    const paramReplacementMap = [];
    regexp = regexp.replace(/#(\d+)|@(\d+)|\.\*\$/g, (_, handlerIndex, paramIndex) => {
      if (handlerIndex !== void 0) {
        indexReplacementMap[++captureIndex] = Number(handlerIndex);
        return "$()";
      }
      if (paramIndex !== void 0) {
        paramReplacementMap[Number(paramIndex)] = ++captureIndex;
        return "";
      }
      return "";
    });
    return [
      new RegExp(`^${regexp}`),
      indexReplacementMap,
      paramReplacementMap
    ];
  }
};

// node_modules/hono/dist/router/reg-exp-router/router.js
function endsWithWildcard(keys2) {
  const tail = keys2[keys2.length - 1];
  return tail === "[^]*" || tail === "(?:|/[^]*)";
}
__name(endsWithWildcard, "endsWithWildcard");
function covers(wildcard, target) {
  const last = wildcard.length - 1;
  for (let i = 0; i < last; i++) if (wildcard[i] !== target[i]) return false;
  return wildcard[last] === "[^]*" || target.length === last || target[last] === "/";
}
__name(covers, "covers");
var RegExpRouter = class {
  static {
    __name(this, "RegExpRouter");
  }
  name = "RegExpRouter";
  #handlers;
  #tries;
  constructor() {
    this.#handlers = { ["ALL"]: [] };
    this.#tries = { ["ALL"]: new Trie() };
  }
  #insertPath(method, path) {
    try {
      this.#tries[method].insert(path, !/\*|\/:/.test(path));
    } catch (e) {
      throw e === PATH_ERROR ? new UnsupportedPathError(path) : e;
    }
  }
  add(method, path, handler) {
    const handlers = this.#handlers;
    if (!handlers) throw new Error(MESSAGE_MATCHER_IS_ALREADY_BUILT);
    const tries = this.#tries;
    if (!handlers[method]) {
      tries[method] = new Trie();
      handlers[method] = [...handlers["ALL"]];
      for (const p in tries["ALL"].paths) this.#insertPath(method, p);
    }
    if (path === "/*") path = "*";
    const methods2 = method === "ALL" ? Object.keys(handlers) : [method];
    const paths = checkOptionalParameter(path) || [path];
    for (const path2 of paths) for (const m of methods2) {
      if (!tries[m].paths[path2]) this.#insertPath(m, path2);
      handlers[m].push([handler, path2]);
    }
  }
  match = match;
  buildAllMatchers() {
    const matchers = createNullObject();
    for (const method of Object.keys(this.#handlers)) matchers[method] = this.#buildMatcher(method);
    this.#handlers = this.#tries = void 0;
    return matchers;
  }
  #buildMatcher(method) {
    const handlers = this.#handlers[method];
    const trie = this.#tries[method];
    const staticMap = createNullObject();
    const handlerData = [];
    const [regexp, indexReplacementMap, paramReplacementMap] = trie.buildRegExp();
    const own = createNullObject();
    const entries = handlers.map(([h, p], i) => {
      (own[p] ??= []).push(i);
      return [h, trie.paths[p][1].reduceRight((map, [key, varIndex]) => {
        map[key] = paramReplacementMap[varIndex];
        return map;
      }, createNullObject())];
    });
    const wildcards = Object.keys(own).filter((p) => endsWithWildcard(trie.paths[p][2]));
    for (const path in trie.paths) {
      const [index, , keys2] = trie.paths[path];
      const indexes = [...own[path]];
      for (const p of wildcards) if (p !== path && covers(trie.paths[p][2], keys2)) indexes.push(...own[p]);
      const data = indexes.sort((a, b) => a - b).map((i) => entries[i]);
      if (index === -1) {
        const last = Math.max(-1, ...data.flatMap(([, map]) => Object.values(map)));
        staticMap[path] = [data, last === -1 ? emptyParam : path.match(regexp).slice(0, last + 1)];
      } else handlerData[index] = data;
    }
    return [
      regexp,
      indexReplacementMap.map((i) => handlerData[i]),
      staticMap
    ];
  }
};

// node_modules/hono/dist/router/smart-router/router.js
var SmartRouter = class {
  static {
    __name(this, "SmartRouter");
  }
  name = "SmartRouter";
  #routers = [];
  #routes = [];
  constructor(init) {
    this.#routers = init.routers;
  }
  add(method, path, handler) {
    if (!this.#routes) throw new Error(MESSAGE_MATCHER_IS_ALREADY_BUILT);
    this.#routes.push([
      method,
      path,
      handler
    ]);
  }
  match(method, path) {
    if (!this.#routes) throw new Error("Fatal error");
    const routers = this.#routers;
    const routes = this.#routes;
    const len = routers.length;
    let i = 0;
    let res;
    for (; i < len; i++) {
      const router = routers[i];
      try {
        for (let i2 = 0, len2 = routes.length; i2 < len2; i2++) router.add(...routes[i2]);
        res = router.match(method, path);
      } catch (e) {
        if (e instanceof UnsupportedPathError) continue;
        throw e;
      }
      this.match = router.match.bind(router);
      this.#routers = [router];
      this.#routes = void 0;
      break;
    }
    if (i === len) throw new Error("Fatal error");
    this.name = `SmartRouter + ${this.activeRouter.name}`;
    return res;
  }
  get activeRouter() {
    if (this.#routes || this.#routers.length !== 1) throw new Error("No active router has been determined yet.");
    return this.#routers[0];
  }
};

// node_modules/hono/dist/router/trie-router/node.js
var emptyParams = createNullObject();
var order = 0;
var Node3 = class Node4 {
  static {
    __name(this, "Node");
  }
  #methods = [];
  #children = createNullObject();
  #patterns = [];
  #pattern;
  #params = emptyParams;
  insert(method, path, handler) {
    let curNode = this;
    const parts = splitRoutingPath(path);
    const possibleKeys = /* @__PURE__ */ new Set();
    let i = 0;
    for (const p of parts) {
      const nextP = parts[++i];
      const pattern = getPattern(p, nextP) || (nextP === void 0 && p && p.indexOf("*") === p.length - 1 ? p : null);
      const isParam = Array.isArray(pattern);
      const key = isParam ? pattern[0] : pattern || p;
      const child = curNode.#children[key] ||= new Node4();
      if (pattern && !child.#pattern) {
        child.#pattern = pattern;
        curNode.#patterns.push(child);
      }
      curNode = child;
      if (isParam) possibleKeys.add(pattern[1]);
    }
    curNode.#methods.push({ [method]: {
      handler,
      possibleKeys: [...possibleKeys],
      score: ++order
    } });
  }
  #pushHandlerSets(handlerSets, node, method, nodeParams, params) {
    for (let i = 0, len = node.#methods.length; i < len; i++) {
      const m = node.#methods[i];
      const handlerSet = m[method] || m["ALL"];
      if (handlerSet) {
        handlerSet.params = createNullObject();
        handlerSets.push(handlerSet);
        for (let i2 = 0, len2 = handlerSet.possibleKeys.length; i2 < len2; i2++) {
          const key = handlerSet.possibleKeys[i2];
          handlerSet.params[key] = params?.[key] && !i2 ? params[key] : nodeParams[key] ?? params?.[key];
        }
      }
    }
  }
  search(method, path) {
    const handlerSets = [];
    this.#params = emptyParams;
    let curNodes = [this];
    const parts = splitPath(path);
    const curNodesQueue = [];
    const len = parts.length;
    let partOffsets = null;
    for (let i = 0; i < len; i++) {
      const part = parts[i];
      const isLast = i === len - 1;
      const tempNodes = [];
      for (let j = 0, len2 = curNodes.length; j < len2; j++) {
        const node = curNodes[j];
        const nextNode = node.#children[part];
        if (nextNode) {
          nextNode.#params = node.#params;
          if (isLast) {
            if (nextNode.#children["*"]) this.#pushHandlerSets(handlerSets, nextNode.#children["*"], method, node.#params);
            this.#pushHandlerSets(handlerSets, nextNode, method, node.#params);
          } else tempNodes.push(nextNode);
        }
        for (const child of node.#patterns) {
          const pattern = child.#pattern;
          const params = node.#params === emptyParams ? {} : { ...node.#params };
          if (typeof pattern === "string") {
            if (pattern === "*" || part.startsWith(pattern.slice(0, -1))) {
              this.#pushHandlerSets(handlerSets, child, method, node.#params);
              if (pattern === "*") {
                child.#params = params;
                tempNodes.push(child);
              }
            }
            continue;
          }
          const [, name, matcher] = pattern;
          if (!part && matcher === true) continue;
          if (matcher !== true) {
            if (!partOffsets) {
              partOffsets = [];
              let offset = path[0] === "/" ? 1 : 0;
              for (let p = 0; p < len; p++) {
                partOffsets[p] = offset;
                offset += parts[p].length + 1;
              }
            }
            const restPathString = path.slice(partOffsets[i]);
            const m = matcher.exec(restPathString);
            if (m) {
              if (!Object.hasOwn(params, name)) params[name] = m[0];
              this.#pushHandlerSets(handlerSets, child, method, node.#params, params);
              if (m[0].length === restPathString.length && child.#children["*"]) this.#pushHandlerSets(handlerSets, child.#children["*"], method, node.#params, params);
              for (const _ in child.#children) {
                child.#params = params;
                const componentCount = m[0].match(/\//g)?.length ?? 0;
                (curNodesQueue[componentCount] ||= []).push(child);
                break;
              }
              continue;
            }
          }
          if (matcher === true || matcher.test(part)) {
            if (!Object.hasOwn(params, name)) params[name] = part;
            if (isLast) {
              this.#pushHandlerSets(handlerSets, child, method, params, node.#params);
              if (child.#children["*"]) this.#pushHandlerSets(handlerSets, child.#children["*"], method, params, node.#params);
            } else {
              child.#params = params;
              tempNodes.push(child);
            }
          }
        }
      }
      const shifted = curNodesQueue.shift();
      curNodes = shifted ? tempNodes.concat(shifted) : tempNodes;
    }
    if (handlerSets[1]) handlerSets.sort((a, b) => {
      return a.score - b.score;
    });
    return [handlerSets.map(({ handler, params }) => [handler, params])];
  }
};

// node_modules/hono/dist/router/trie-router/router.js
var TrieRouter = class {
  static {
    __name(this, "TrieRouter");
  }
  name = "TrieRouter";
  #node = new Node3();
  add(method, path, handler) {
    for (const result2 of checkOptionalParameter(path) || [path]) this.#node.insert(method, result2, handler);
  }
  match(method, path) {
    return this.#node.search(method, path);
  }
};

// node_modules/hono/dist/hono.js
var Hono3 = class extends Hono {
  static {
    __name(this, "Hono");
  }
  /**
  * Creates an instance of the Hono class.
  *
  * @param options - Optional configuration options for the Hono instance.
  */
  constructor(options = {}) {
    super(options);
    this.router = options.router ?? new SmartRouter({ routers: [new RegExpRouter(), new TrieRouter()] });
  }
};

// js/errors.ts
var ApiError = class extends Error {
  static {
    __name(this, "ApiError");
  }
  status;
  type;
  param;
  code;
  constructor(fields) {
    super(fields.message);
    this.name = "ApiError";
    this.status = fields.status;
    this.type = fields.type;
    this.param = fields.param;
    this.code = fields.code;
  }
};
var InvalidRequestError = class extends ApiError {
  static {
    __name(this, "InvalidRequestError");
  }
  constructor(message, fields = {}) {
    super({ type: "invalid_request_error", param: null, code: null, ...fields, status: 400, message });
    this.name = "InvalidRequestError";
  }
};
var ResourceNotFoundError = class extends ApiError {
  static {
    __name(this, "ResourceNotFoundError");
  }
  constructor(message, fields = {}) {
    super({ type: "invalid_request_error", param: null, code: null, ...fields, status: 404, message });
    this.name = "ResourceNotFoundError";
  }
};
var ConflictError = class extends ApiError {
  static {
    __name(this, "ConflictError");
  }
  constructor(message, fields = {}) {
    super({ type: "invalid_request_error", param: null, code: null, ...fields, status: 409, message });
    this.name = "ConflictError";
  }
};
function apiError(fields) {
  switch (fields.status) {
    case 400:
      return new InvalidRequestError(fields.message, fields);
    case 404:
      return new ResourceNotFoundError(fields.message, fields);
    case 409:
      return new ConflictError(fields.message, fields);
    default:
      return new ApiError(fields);
  }
}
__name(apiError, "apiError");

// js/hosts/echo/common.ts
var CREATED = 17e8;
var Refusal = class _Refusal {
  static {
    __name(this, "Refusal");
  }
  status;
  message;
  param;
  code;
  constructor(status, message, param, code) {
    this.status = status;
    this.message = message;
    this.param = param;
    this.code = code;
  }
  static missing(param) {
    return new _Refusal(400, `Missing required parameter: '${param}'.`, param, "missing_required_parameter");
  }
  static type(param, expected, got) {
    const message = `Invalid type for '${param}': expected ${expected}, but got ${kind(got)} instead.`;
    return new _Refusal(400, message, param, "invalid_type");
  }
  static value(param, got, supported) {
    const list2 = supported.map((value) => `'${value}'`);
    const values = `${list2.slice(0, -1).join(", ")}, and ${list2.at(-1)}`;
    const message = `Invalid value: '${got}'. Supported values are: ${values}.`;
    return new _Refusal(400, message, param, "invalid_value");
  }
  static emptyArray(param) {
    const detail = "Expected an array with minimum length 1, but got an empty array instead.";
    return new _Refusal(400, `Invalid '${param}': empty array. ${detail}`, param, "empty_array");
  }
  /** OpenAI's error envelope. */
  envelope() {
    const { message, param, code } = this;
    return JSON.stringify({ error: { message, type: "invalid_request_error", param, code } });
  }
};
function integer(body, param, least, most) {
  const value = body[param];
  if (value === void 0 || value === null) return void 0;
  if (typeof value !== "number" || !Number.isInteger(value)) throw Refusal.type(param, "an integer", value);
  if (value >= least && value <= most) return value;
  const [word, bound, code] = value < least ? ["below minimum", `>= ${least}`, "integer_below_min_value"] : ["above maximum", `<= ${most}`, "integer_above_max_value"];
  const detail = `Expected a value ${bound}, but got ${value} instead.`;
  throw new Refusal(400, `Invalid '${param}': integer ${word} value. ${detail}`, param, code);
}
__name(integer, "integer");
function stopTexts(body) {
  const { stop } = body;
  if (stop === void 0 || stop === null) return [];
  const list2 = Array.isArray(stop) ? stop : [stop];
  if (list2.length > 4) {
    const detail = `Expected an array with maximum length 4, but got an array with length ${list2.length} instead.`;
    throw new Refusal(400, `Invalid 'stop': array too long. ${detail}`, "stop", "array_above_max_length");
  }
  for (const text2 of list2) {
    if (typeof text2 !== "string") throw Refusal.type("stop", "one of a string or an array of strings", stop);
  }
  return list2.filter((text2) => text2 !== "");
}
__name(stopTexts, "stopTexts");
var TOKEN = 4;
function tokens(text2) {
  return Math.ceil(text2.length / TOKEN);
}
__name(tokens, "tokens");
function limited(text2, stops, most) {
  let end = text2.length;
  for (const stop of stops) {
    const at = text2.indexOf(stop);
    if (at >= 0 && at < end) end = at;
  }
  if (most === void 0 || end <= most * TOKEN) return { text: text2.slice(0, end), cut: false };
  end = most * TOKEN;
  const last = text2.charCodeAt(end - 1);
  return { text: text2.slice(0, last >= 55296 && last < 56320 ? end - 1 : end), cut: true };
}
__name(limited, "limited");
function hash128(url, body) {
  let a = 2166136261;
  let b = 2654435769;
  for (let i = 0; i < url.length; i++) {
    a = Math.imul(a ^ url.charCodeAt(i), 16777619);
    b = Math.imul(b ^ url.charCodeAt(i), 2246822507);
  }
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    a = Math.imul(a ^ byte, 16777619);
    b = Math.imul((b ^ byte) + (b >>> 15), 2246822507);
  }
  const c = mix(a ^ Math.imul(b, 3266489909));
  return hex(mix(a)) + hex(mix(b)) + hex(c) + hex(mix(c ^ body.length));
}
__name(hash128, "hash128");
function mix(value) {
  let x = Math.imul(value ^ value >>> 16, 2246822507);
  x = Math.imul(x ^ x >>> 13, 3266489909);
  return (x ^ x >>> 16) >>> 0;
}
__name(mix, "mix");
function hex(value) {
  return value.toString(16).padStart(8, "0");
}
__name(hex, "hex");
function kind(value) {
  if (value === void 0) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  if (typeof value === "number") return Number.isInteger(value) ? "an integer" : "a decimal number";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
__name(kind, "kind");

// js/hosts/echo/messages.ts
function converse(messages, dialect2) {
  const { param } = dialect2;
  if (messages.length === 0) throw Refusal.emptyArray(param);
  let user;
  let last = "";
  let count = 0;
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i];
    if (typeof message !== "object" || message === null || Array.isArray(message)) {
      throw Refusal.type(`${param}[${i}]`, "an object", message);
    }
    const { role, content: content2, type } = message;
    if (dialect2.otherItems && role === void 0 && typeof type === "string" && type !== "message") continue;
    if (role === void 0) throw Refusal.missing(`${param}[${i}].role`);
    if (typeof role !== "string") throw Refusal.type(`${param}[${i}].role`, "a string", role);
    if (!dialect2.roles.includes(role)) throw Refusal.value(`${param}[${i}].role`, role, dialect2.roles);
    const silent = role === "assistant" && (content2 === void 0 || content2 === null);
    last = silent ? "" : contentText(content2, `${param}[${i}].content`, dialect2);
    count += tokens(last);
    if (role === "user") user = last;
  }
  return { text: user ?? last, tokens: count };
}
__name(converse, "converse");
function contentText(content2, param, dialect2) {
  if (typeof content2 === "string") return content2;
  if (content2 === void 0) throw Refusal.missing(param);
  if (!Array.isArray(content2)) throw Refusal.type(param, "one of a string or array of objects", content2);
  if (content2.length === 0) throw Refusal.emptyArray(param);
  let all = "";
  for (let i = 0; i < content2.length; i++) {
    const part = content2[i];
    if (typeof part !== "object" || part === null || Array.isArray(part)) {
      throw Refusal.type(`${param}[${i}]`, "an object", part);
    }
    const { type, text: text2 } = part;
    if (type === void 0) throw Refusal.missing(`${param}[${i}].type`);
    if (typeof type !== "string") throw Refusal.type(`${param}[${i}].type`, "a string", type);
    if (!dialect2.textParts.includes(type)) continue;
    if (text2 === void 0) throw Refusal.missing(`${param}[${i}].text`);
    if (typeof text2 !== "string") throw Refusal.type(`${param}[${i}].text`, "a string", text2);
    all += text2;
  }
  return all;
}
__name(contentText, "contentText");

// js/hosts/echo/chat.ts
var MESSAGES = {
  param: "messages",
  roles: ["system", "assistant", "user", "function", "tool", "developer"],
  textParts: ["text"],
  otherItems: false
};
var DETAILS = '"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}';
var chat = /* @__PURE__ */ __name((body, id, model2) => {
  const { messages } = body;
  if (messages === void 0) throw Refusal.missing("messages");
  if (!Array.isArray(messages)) throw Refusal.type("messages", "an array of objects", messages);
  const prompt = converse(messages, MESSAGES);
  const n = integer(body, "n", 1, 128) ?? 1;
  const most = integer(body, "max_completion_tokens", 1, 1e9) ?? integer(body, "max_tokens", 1, 1e9);
  const { text: text2, cut: cut2 } = limited(prompt.text, stopTexts(body), most);
  const rest = `,"message":{"role":"assistant","content":${JSON.stringify(text2)},"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"${cut2 ? "length" : "stop"}"}`;
  let choices = `{"index":0${rest}`;
  for (let i = 1; i < n; i++) choices += `,{"index":${i}${rest}`;
  const said = tokens(text2) * n;
  return `{"id":"chatcmpl-${id}","object":"chat.completion","created":${CREATED},"model":${JSON.stringify(model2)},"choices":[${choices}],"usage":{"prompt_tokens":${prompt.tokens},"completion_tokens":${said},"total_tokens":${prompt.tokens + said},${DETAILS}},"service_tier":"default","system_fingerprint":"fp_echo"}`;
}, "chat");

// js/hosts/echo/texts.ts
function texts(body, param) {
  const value = body[param];
  if (value === void 0) throw Refusal.missing(param);
  if (typeof value === "string") return [{ text: value, tokens: tokens(value) }];
  if (!Array.isArray(value)) throw Refusal.type(param, EXPECTED, value);
  if (value.length === 0) throw Refusal.emptyArray(param);
  if (typeof value[0] === "number") return [tokenText(value, param)];
  if (value.length > 2048) {
    const detail = `Expected an array with maximum length 2048, but got an array with length ${value.length} instead.`;
    throw new Refusal(400, `Invalid '${param}': array too long. ${detail}`, param, "array_above_max_length");
  }
  const strings = typeof value[0] === "string";
  return value.map((item, i) => {
    if (!strings) return tokenText(item, `${param}[${i}]`);
    if (typeof item !== "string") throw Refusal.type(`${param}[${i}]`, "a string", item);
    return { text: item, tokens: tokens(item) };
  });
}
__name(texts, "texts");
var EXPECTED = "one of a string, array of strings, array of integers, or array of integer arrays";
function tokenText(value, param) {
  if (!Array.isArray(value)) throw Refusal.type(param, "an array of integers", value);
  if (value.length === 0) throw Refusal.emptyArray(param);
  for (let i = 0; i < value.length; i++) {
    const token = value[i];
    if (typeof token === "number" && Number.isInteger(token) && token >= 0) continue;
    throw Refusal.type(`${param}[${i}]`, "an integer", token);
  }
  return { text: value.join(" "), tokens: value.length };
}
__name(tokenText, "tokenText");

// js/hosts/echo/completions.ts
var completions = /* @__PURE__ */ __name((body, id, model2) => {
  const prompts = texts(body, "prompt");
  const n = integer(body, "n", 1, 128) ?? 1;
  const most = integer(body, "max_tokens", 0, 1e9);
  const stops = stopTexts(body);
  const choices = [];
  let asked = 0;
  let said = 0;
  for (const prompt of prompts) {
    const { text: text2, cut: cut2 } = limited(prompt.text, stops, most);
    asked += prompt.tokens;
    said += tokens(text2) * n;
    const rest = `"logprobs":null,"finish_reason":"${cut2 ? "length" : "stop"}"}`;
    for (let i = 0; i < n; i++)
      choices.push(`{"text":${JSON.stringify(text2)},"index":${choices.length},${rest}`);
  }
  return `{"id":"cmpl-${id}","object":"text_completion","created":${CREATED},"model":${JSON.stringify(model2)},"choices":[${choices.join(",")}],"usage":{"prompt_tokens":${asked},"completion_tokens":${said},"total_tokens":${asked + said}}}`;
}, "completions");

// js/hosts/echo/embeddings.ts
var encoder = new TextEncoder();
var embeddings = /* @__PURE__ */ __name((body, _id, model2) => {
  const inputs = texts(body, "input");
  const dimensions = integer(body, "dimensions", 1, 4096) ?? 256;
  const format = body.encoding_format ?? "float";
  if (typeof format !== "string") throw Refusal.type("encoding_format", "a string", format);
  if (format !== "float" && format !== "base64") {
    throw Refusal.value("encoding_format", format, ["float", "base64"]);
  }
  let asked = 0;
  const data = inputs.map((input, index) => {
    if (input.text === "") {
      const param = inputs.length === 1 ? "input" : `input[${index}]`;
      throw new Refusal(400, `Invalid '${param}': input cannot be an empty string.`, param, "invalid_value");
    }
    asked += input.tokens;
    const vector = unitVector(input.text, dimensions);
    const embedding = format === "base64" ? `"${base64(vector)}"` : `[${vector.join(",")}]`;
    return `{"object":"embedding","index":${index},"embedding":${embedding}}`;
  });
  return `{"object":"list","data":[${data.join(",")}],"model":${JSON.stringify(model2)},"usage":{"prompt_tokens":${asked},"total_tokens":${asked}}}`;
}, "embeddings");
function unitVector(text2, dimensions) {
  const seed = Number.parseInt(hash128("", encoder.encode(text2)).slice(0, 8), 16);
  const vector = new Array(dimensions);
  let squares = 0;
  for (let i = 0; i < dimensions; i++) {
    const value = (mix(seed + Math.imul(i + 1, 2654435769)) + 0.5) / 2 ** 31 - 1;
    vector[i] = value;
    squares += value * value;
  }
  const length = Math.sqrt(squares);
  for (let i = 0; i < dimensions; i++) vector[i] = Math.round(vector[i] / length * 1e8) / 1e8;
  return vector;
}
__name(unitVector, "unitVector");
function base64(vector) {
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  for (let i = 0; i < vector.length; i++) view.setFloat32(i * 4, vector[i], true);
  let binary = "";
  for (let i = 0; i < view.byteLength; i++) binary += String.fromCharCode(view.getUint8(i));
  return btoa(binary);
}
__name(base64, "base64");

// js/hosts/echo/moderations.ts
var CATEGORIES = [
  "harassment",
  "harassment/threatening",
  "hate",
  "hate/threatening",
  "illicit",
  "illicit/violent",
  "self-harm",
  "self-harm/instructions",
  "self-harm/intent",
  "sexual",
  "sexual/minors",
  "violence",
  "violence/graphic"
];
var each = /* @__PURE__ */ __name((value) => JSON.stringify(Object.fromEntries(CATEGORIES.map((name) => [name, value]))), "each");
var result = /* @__PURE__ */ __name((types) => `{"flagged":false,"categories":${each(false)},"category_scores":${each(0)},"category_applied_input_types":${each(types)}}`, "result");
var OF_TEXT = result(["text"]);
var moderations = /* @__PURE__ */ __name((body, id, model2) => {
  const { input } = body;
  if (input === void 0) throw Refusal.missing("input");
  const results = Array.isArray(input) ? ofList(input) : [ofString(input)];
  return `{"id":"modr-${id}","model":${JSON.stringify(model2)},"results":[${results.join(",")}]}`;
}, "moderations");
function ofString(input) {
  if (typeof input === "string") return OF_TEXT;
  throw Refusal.type("input", "one of a string, array of strings, or array of objects", input);
}
__name(ofString, "ofString");
function ofList(input) {
  if (input.length === 0) throw Refusal.emptyArray("input");
  const types = /* @__PURE__ */ new Set();
  for (const [i, item] of input.entries()) {
    if (typeof item !== typeof input[0] || item === null || Array.isArray(item)) {
      throw Refusal.type(`input[${i}]`, typeof input[0] === "string" ? "a string" : "an object", item);
    }
    if (typeof item === "string") continue;
    if (typeof item !== "object") throw Refusal.type(`input[${i}]`, "one of a string or an object", item);
    const { type } = item;
    if (type === void 0) throw Refusal.missing(`input[${i}].type`);
    if (typeof type !== "string") throw Refusal.type(`input[${i}].type`, "a string", type);
    if (type !== "text" && type !== "image_url")
      throw Refusal.value(`input[${i}].type`, type, ["text", "image_url"]);
    types.add(type === "text" ? "text" : "image");
  }
  return types.size === 0 ? input.map(() => OF_TEXT) : [result([...types])];
}
__name(ofList, "ofList");

// js/hosts/echo/responses.ts
var INPUT = {
  param: "input",
  roles: ["assistant", "system", "developer", "user"],
  textParts: ["input_text", "output_text"],
  otherItems: true
};
var responses = /* @__PURE__ */ __name((body, id, model2) => {
  const { input, instructions = null } = body;
  if (input === void 0) throw Refusal.missing("input");
  if (typeof input !== "string" && !Array.isArray(input)) {
    throw Refusal.type("input", "one of a string or array of input items", input);
  }
  if (instructions !== null && typeof instructions !== "string") {
    throw Refusal.type("instructions", "a string", instructions);
  }
  const prompt = typeof input === "string" ? { text: input, tokens: tokens(input) } : converse(input, INPUT);
  const most = integer(body, "max_output_tokens", 16, 1e9);
  const { text: text2, cut: cut2 } = limited(prompt.text, [], most);
  const asked = prompt.tokens + tokens(instructions ?? "");
  const said = tokens(text2);
  const status = cut2 ? "incomplete" : "completed";
  return `{"id":"resp_${id}","object":"response","created_at":${CREATED},"status":"${status}","background":false,"error":null,"incomplete_details":${cut2 ? '{"reason":"max_output_tokens"}' : "null"},"instructions":${JSON.stringify(instructions)},"max_output_tokens":${most ?? null},"model":${JSON.stringify(model2)},"output":[{"id":"msg_${id}","type":"message","status":"${status}","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":${JSON.stringify(text2)}}],"role":"assistant"}],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"service_tier":"default","store":false,"temperature":1,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":1,"truncation":"disabled","usage":{"input_tokens":${asked},"input_tokens_details":{"cached_tokens":0},"output_tokens":${said},"output_tokens_details":{"reasoning_tokens":0},"total_tokens":${asked + said}},"user":null,"metadata":{}}`;
}, "responses");

// js/hosts/echo.ts
var echoModels = { has: /* @__PURE__ */ __name(async (model2) => model2 === "echo-1", "has") };
var anyModel = { has: /* @__PURE__ */ __name(async () => true, "has") };
var endpoints = {
  "/v1/chat/completions": chat,
  "/v1/completions": completions,
  "/v1/embeddings": embeddings,
  "/v1/responses": responses,
  "/v1/moderations": moderations
};
function echoInference(options = {}) {
  const { latencyMs = 0, model: model2 = "echo-1" } = options;
  return {
    async infer(request, signal) {
      signal.throwIfAborted();
      if (latencyMs > 0) await pause(latencyMs, signal);
      return answer(request, model2);
    }
  };
}
__name(echoInference, "echoInference");
function answer(request, model2) {
  const id = hash128(request.url, request.body);
  try {
    const endpoint = Object.hasOwn(endpoints, request.url) ? endpoints[request.url] : void 0;
    if (endpoint === void 0) throw new Refusal(404, `Invalid URL (POST ${request.url})`, null, null);
    return respond(200, endpoint(parse(request.body, model2, request.url), id, model2), id);
  } catch (error) {
    if (error instanceof Refusal) return respond(error.status, error.envelope(), id);
    throw error;
  }
}
__name(answer, "answer");
function respond(status, json, id) {
  return { status, body: encoder2.encode(json), requestId: `req_${id}` };
}
__name(respond, "respond");
var encoder2 = new TextEncoder();
var decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
function parse(bytes2, model2, url) {
  let body;
  try {
    body = JSON.parse(decoder.decode(bytes2));
  } catch {
    throw new Refusal(400, NOT_JSON, null, null);
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw Refusal.type("body", "an object", body);
  }
  if (body.model === void 0 && url !== "/v1/moderations") throw Refusal.missing("model");
  if (body.model !== void 0 && typeof body.model !== "string")
    throw Refusal.type("model", "a string", body.model);
  if (body.stream !== void 0 && body.stream !== null && body.stream !== false) {
    if (body.stream !== true) throw Refusal.type("stream", "a boolean", body.stream);
    throw new Refusal(
      400,
      `Unsupported value: 'stream' is not supported by ${model2}.`,
      "stream",
      "unsupported_value"
    );
  }
  if (body.model !== void 0 && body.model !== model2) {
    const message = `The model '${body.model}' does not exist or you do not have access to it.`;
    throw new Refusal(404, message, null, "model_not_found");
  }
  return body;
}
__name(parse, "parse");
var NOT_JSON = "Invalid body: failed to parse JSON value. Please check the value to ensure it is valid JSON. (Common errors include trailing commas, missing closing brackets, missing quotation marks, etc.)";
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const onAbort = /* @__PURE__ */ __name(() => {
      clearTimeout(timer);
      reject(signal.reason);
    }, "onAbort");
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
__name(pause, "pause");

// js/hosts/retry-after.ts
function retryAfterMs(headers, now2 = Date.now()) {
  const ms = decimal(headers.get("retry-after-ms"));
  if (ms !== void 0) return Math.ceil(ms);
  const after = headers.get("retry-after")?.trim() ?? "";
  const seconds = decimal(after);
  if (seconds !== void 0) return Math.ceil(seconds * 1e3);
  const wait = httpDate(after) - now2;
  return wait > 0 ? Math.ceil(wait) : void 0;
}
__name(retryAfterMs, "retryAfterMs");
function decimal(text2) {
  return text2 !== null && /^\s*\d{1,15}(?:\.\d*)?\s*$/.test(text2) ? Number(text2) : void 0;
}
__name(decimal, "decimal");
var IMF_OR_RFC850 = /^[A-Z][a-z]+, \d{2}[ -][A-Z][a-z]{2}[ -](?:\d{4}|\d{2}) \d{2}:\d{2}:\d{2} GMT$/;
var ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;
function httpDate(text2) {
  if (IMF_OR_RFC850.test(text2)) return Date.parse(text2);
  return ASCTIME.test(text2) ? Date.parse(`${text2} GMT`) : Number.NaN;
}
__name(httpDate, "httpDate");

// js/hosts/fetch-inference.ts
function fetchInference(options) {
  const { timeoutMs = 6e5, maxResponseBytes = 8 * 1024 * 1024, fetch: fetch2 = globalThis.fetch } = options;
  const base = parseBase(options.baseUrl);
  const common = new Headers({ "content-type": "application/json", accept: "application/json" });
  if (options.apiKey !== void 0) common.set("authorization", `Bearer ${options.apiKey}`);
  for (const [name, value] of Object.entries(options.headers ?? {})) common.set(name, value);
  async function ask(request, signal) {
    const headers = new Headers(common);
    headers.set("idempotency-key", request.idempotencyKey);
    const response = await fetch2(join(base, request.url), {
      method: "POST",
      headers,
      body: request.body,
      redirect: "manual",
      signal
    });
    if (response.type === "opaqueredirect") throw new Error(`${base.origin} answered with a redirect.`);
    const requestId = response.headers.get("x-request-id");
    const wait = retryAfterMs(response.headers);
    return {
      status: response.status,
      body: await readBody(response, maxResponseBytes),
      ...requestId !== null && { requestId },
      ...wait !== void 0 && { retryAfterMs: wait }
    };
  }
  __name(ask, "ask");
  return {
    async infer(request, signal) {
      signal.throwIfAborted();
      const control = new AbortController();
      const stopped = new Promise((_, reject) => {
        control.signal.addEventListener("abort", () => reject(control.signal.reason), { once: true });
      });
      const onAbort = /* @__PURE__ */ __name(() => control.abort(signal.reason), "onAbort");
      signal.addEventListener("abort", onAbort, { once: true });
      const timer = Number.isFinite(timeoutMs) ? setTimeout(() => control.abort(timeoutError(base, timeoutMs)), Math.min(timeoutMs, MAX_TIMER)) : void 0;
      try {
        return await Promise.race([ask(request, control.signal), stopped]);
      } catch (error) {
        if (control.signal.aborted) throw control.signal.reason;
        throw isTimeout(error) ? timeoutError(base, void 0, error) : error;
      } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
      }
    }
  };
}
__name(fetchInference, "fetchInference");
var ResponseTooLargeError = class extends Error {
  static {
    __name(this, "ResponseTooLargeError");
  }
  name = "ResponseTooLargeError";
};
var MAX_TIMER = 2147483647;
function parseBase(text2) {
  const base = new URL(text2);
  if (base.protocol !== "http:" && base.protocol !== "https:") {
    throw new TypeError(`baseUrl must start with http:// or https://, but is '${text2}'.`);
  }
  if (base.username !== "" || base.password !== "") {
    throw new TypeError("baseUrl must carry no user name or password; use apiKey or headers.");
  }
  base.hash = "";
  base.pathname = base.pathname.replace(/\/+$/, "").replace(/\/v1$/, "");
  return base;
}
__name(parseBase, "parseBase");
function join(base, path) {
  const url = new URL(base);
  url.pathname = base.pathname.replace(/\/+$/, "") + (path.startsWith("/") ? path : `/${path}`);
  return url;
}
__name(join, "join");
async function readBody(response, most) {
  const length = response.headers.get("content-length");
  if (Number(length) > most) {
    response.body?.cancel().catch(() => void 0);
    throw tooLarge(most);
  }
  const parts = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (let next = await reader?.read(); next?.value !== void 0; next = await reader?.read()) {
    size += next.value.length;
    if (size > most) {
      reader?.cancel().catch(() => void 0);
      throw tooLarge(most);
    }
    parts.push(next.value);
  }
  if (length !== null && !response.headers.has("content-encoding") && size !== Number(length)) {
    throw new Error(`The answer ended after ${size} of ${length} bytes.`);
  }
  return parts.length === 1 ? parts[0] : concat(parts, size);
}
__name(readBody, "readBody");
function concat(parts, size) {
  const bytes2 = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes2.set(part, at);
    at += part.length;
  }
  return bytes2;
}
__name(concat, "concat");
function tooLarge(most) {
  return new ResponseTooLargeError(`The answer has more than ${most} bytes.`);
}
__name(tooLarge, "tooLarge");
function timeoutError(base, ms, cause) {
  const time = ms === void 0 ? "in time" : `within ${ms} ms`;
  const error = new Error(`${base.origin} gave no whole answer ${time}.`, { cause });
  error.name = "TimeoutError";
  return error;
}
__name(timeoutError, "timeoutError");
function isTimeout(error) {
  const { cause, name } = error;
  return name === "TimeoutError" || /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/.test(cause?.code ?? "");
}
__name(isTimeout, "isTimeout");

// js/worker/config.ts
var ENDPOINTS = [
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/responses",
  "/v1/moderations"
];
var MAX_REQUEST_MS = 6e5;
var SettingError = class extends Error {
  static {
    __name(this, "SettingError");
  }
  name = "SettingError";
};
function dialect(env) {
  const value = env.DIALECT || "openai";
  if (value !== "openai" && value !== "reference") {
    throw new SettingError(`DIALECT must be openai or reference, but is '${value}'.`);
  }
  return value;
}
__name(dialect, "dialect");
function maxConcurrentBatches(env) {
  return wholeNumber(env, "MAX_CONCURRENT_BATCHES") ?? 1;
}
__name(maxConcurrentBatches, "maxConcurrentBatches");
function serviceSettings(env) {
  const maxFileBytes = wholeNumber(env, "MAX_FILE_BYTES");
  const maxRequests = wholeNumber(env, "MAX_REQUESTS");
  const maxAttempts = wholeNumber(env, "MAX_ATTEMPTS");
  return {
    autostart: false,
    dialect: dialect(env),
    endpoints: list(env.ENDPOINTS) ?? ENDPOINTS,
    // Six connections of a Durable Object may wait for headers; more requests would wait inside.
    maxConcurrentRequestsPerBatch: wholeNumber(env, "MAX_CONCURRENT_REQUESTS") ?? 6,
    ...maxAttempts !== void 0 && { maxAttempts },
    requestTimeoutMs: requestTimeoutMs(env),
    limits: {
      ...maxFileBytes !== void 0 && { maxFileBytes },
      ...maxRequests !== void 0 && { maxRequests }
    }
  };
}
__name(serviceSettings, "serviceSettings");
function maxBatchFileBytes(env) {
  return wholeNumber(env, "MAX_FILE_BYTES") ?? 209715200;
}
__name(maxBatchFileBytes, "maxBatchFileBytes");
function inference(env) {
  if (!env.UPSTREAM_URL) return echoInference();
  return fetchInference({
    baseUrl: env.UPSTREAM_URL,
    ...env.UPSTREAM_KEY && { apiKey: env.UPSTREAM_KEY },
    timeoutMs: requestTimeoutMs(env),
    fetch: /* @__PURE__ */ __name((input, init) => globalThis.fetch(input, init), "fetch")
  });
}
__name(inference, "inference");
function modelNames(env) {
  return list(env.MODELS) ?? (env.UPSTREAM_URL ? [] : ["echo-1"]);
}
__name(modelNames, "modelNames");
function models(env) {
  const names = list(env.MODELS);
  if (names) return { has: /* @__PURE__ */ __name(async (model2) => names.includes(model2), "has") };
  return env.UPSTREAM_URL ? anyModel : echoModels;
}
__name(models, "models");
function requestTimeoutMs(env) {
  const value = wholeNumber(env, "REQUEST_TIMEOUT_MS") ?? MAX_REQUEST_MS;
  if (value > MAX_REQUEST_MS) throw new SettingError(`REQUEST_TIMEOUT_MS must be at most ${MAX_REQUEST_MS}.`);
  return value;
}
__name(requestTimeoutMs, "requestTimeoutMs");
function list(text2) {
  const items = text2?.split(",").map((item) => item.trim());
  const found = items?.filter((item) => item !== "");
  return found?.length ? found : void 0;
}
__name(list, "list");
function wholeNumber(env, name) {
  const text2 = env[name];
  if (text2 === void 0 || text2 === "") return void 0;
  const value = Number(text2);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new SettingError(`${name} must be a whole number from 1 on, but is '${text2}'.`);
  }
  return value;
}
__name(wholeNumber, "wholeNumber");

// js/worker/auth.ts
var ANONYMOUS = "~anonymous";
function tenantNames(env) {
  const names = new Set(keys(env).map((key) => key.name));
  return [...names, ...anonymousAllowed(env) ? [ANONYMOUS] : []];
}
__name(tenantNames, "tenantNames");
async function authenticate(headers, env) {
  const known = keys(env);
  if (known.length === 0 && !anonymousAllowed(env)) {
    throw unauthorized(
      "This server accepts no calls yet: set API_KEYS to name:sha256 pairs (scripts/make-key.mjs makes one), or ALLOW_ANONYMOUS=1 to serve everyone."
    );
  }
  const given = keyIn(headers);
  if (given === void 0) {
    if (anonymousAllowed(env)) return ANONYMOUS;
    throw unauthorized("Missing bearer or basic authentication in header");
  }
  if (known.length === 0) return ANONYMOUS;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(given)));
  let tenant;
  for (const { name, sha256: sha2562 } of known) if (equal(digest, sha2562)) tenant = name;
  if (tenant === void 0) {
    throw unauthorized(`Incorrect API key provided: ${masked(given)}.`, "invalid_api_key");
  }
  return tenant;
}
__name(authenticate, "authenticate");
function anonymousAllowed(env) {
  return env.ALLOW_ANONYMOUS === "1" || env.ALLOW_ANONYMOUS === "true";
}
__name(anonymousAllowed, "anonymousAllowed");
function keys(env) {
  const entries = (env.API_KEYS ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  return entries.map((entry) => {
    const [, name, hex2] = /^([A-Za-z0-9_.-]{1,64}):([0-9a-f]{64})$/i.exec(entry) ?? [];
    if (name === void 0 || hex2 === void 0) {
      throw new SettingError("API_KEYS must hold name:sha256 pairs, separated by commas.");
    }
    return { name, sha256: Uint8Array.from(hex2.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)) };
  });
}
__name(keys, "keys");
function keyIn(headers) {
  const [, scheme, value] = /^(\w+)\s+(\S+)\s*$/.exec(headers.get("authorization") ?? "") ?? [];
  if (scheme?.toLowerCase() === "bearer") return value;
  if (scheme?.toLowerCase() !== "basic" || value === void 0) return void 0;
  try {
    const [, password] = /^[^:]*:(.+)$/.exec(atob(value)) ?? [];
    return password;
  } catch {
    return void 0;
  }
}
__name(keyIn, "keyIn");
function equal(a, b) {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ (b[i] ?? 0);
  return difference === 0;
}
__name(equal, "equal");
function masked(key) {
  if (key.length <= 12) return "*".repeat(key.length);
  return key.slice(0, 8) + "*".repeat(Math.min(key.length - 12, 26)) + key.slice(-4);
}
__name(masked, "masked");
function unauthorized(message, code = null) {
  return new ApiError({ status: 401, type: "invalid_request_error", message, param: null, code });
}
__name(unauthorized, "unauthorized");

// js/worker/http.ts
var MAX_JSON_BYTES = 2 * 1024 * 1024;
function errorResponse(error, headers = {}) {
  const { status, message, type, param, code } = error;
  return Response.json({ error: { message, type, param, code } }, { status, headers });
}
__name(errorResponse, "errorResponse");
function internalError(requestId) {
  return new ApiError({
    status: 500,
    type: "server_error",
    message: `The server had an error while processing your request. Please tell its operator this request id: ${requestId}`,
    param: null,
    code: null
  });
}
__name(internalError, "internalError");
async function jsonObject(c) {
  const length = Number(c.req.header("content-length") ?? 0);
  const body = length > MAX_JSON_BYTES ? void 0 : await boundedText(c.req.raw.body);
  if (body === void 0) {
    throw new ApiError({
      ...{ status: 413, type: "invalid_request_error", param: null, code: null },
      message: `The request body is larger than ${MAX_JSON_BYTES} bytes.`
    });
  }
  let value;
  try {
    value = JSON.parse(body);
  } catch {
    throw new InvalidRequestError(
      "Invalid body: failed to parse JSON value. Please check the value to ensure it is valid JSON. (Common errors include trailing commas, missing closing brackets, missing quotation marks, etc.)"
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidRequestError(
      `Invalid type for body: expected an object, but got ${kind2(value)} instead.`,
      {
        code: "invalid_type"
      }
    );
  }
  return value;
}
__name(jsonObject, "jsonObject");
async function boundedText(body) {
  const decoder3 = new TextDecoder("utf-8", { ignoreBOM: true });
  let [found, size] = ["", 0];
  if (body) {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > MAX_JSON_BYTES) return void 0;
      found += decoder3.decode(chunk, { stream: true });
    }
  }
  return found + decoder3.decode();
}
__name(boundedText, "boundedText");
function requiredString(body, param) {
  const value = body[param];
  if (value === void 0 || value === null) throw missingParameter(param);
  if (typeof value !== "string") throw wrongType(param, "a string", value);
  return value;
}
__name(requiredString, "requiredString");
function missingParameter(param) {
  return new InvalidRequestError(`Missing required parameter: '${param}'.`, {
    param,
    code: "missing_required_parameter"
  });
}
__name(missingParameter, "missingParameter");
function wrongType(param, expected, got) {
  return new InvalidRequestError(
    `Invalid type for '${param}': expected ${expected}, but got ${kind2(got)} instead.`,
    {
      param,
      code: "invalid_type"
    }
  );
}
__name(wrongType, "wrongType");
function wholeNumber2(param, value, least, most) {
  if (typeof value !== "number" || !Number.isInteger(value)) throw wrongType(param, "an integer", value);
  if (value >= least && value <= most) return value;
  const [word, bound, code] = value < least ? ["below minimum", `>= ${least}`, "integer_below_min_value"] : ["above maximum", `<= ${most}`, "integer_above_max_value"];
  throw new InvalidRequestError(
    `Invalid '${param}': integer ${word} value. Expected a value ${bound}, but got ${value} instead.`,
    { param, code }
  );
}
__name(wholeNumber2, "wholeNumber");
function limitOf(c) {
  const text2 = c.req.query("limit");
  if (text2 === void 0 || text2 === "") return void 0;
  const value = Number(text2);
  if (/^-?\d+$/.test(text2) && Number.isSafeInteger(value)) return value;
  throw new InvalidRequestError(`Invalid type for 'limit': expected an integer, but got a string instead.`, {
    param: "limit",
    code: "invalid_type"
  });
}
__name(limitOf, "limitOf");
function expirySeconds(param, value) {
  if (value === void 0 || value === null) return null;
  if (typeof value !== "object" || Array.isArray(value)) throw wrongType(param, "an object", value);
  const { anchor, seconds } = value;
  if (anchor === void 0) throw missingParameter(`${param}.anchor`);
  if (anchor !== "created_at") {
    throw new InvalidRequestError(`Invalid value: '${String(anchor)}'. Value must be 'created_at'.`, {
      param: `${param}.anchor`,
      code: "invalid_value"
    });
  }
  if (seconds === void 0) throw missingParameter(`${param}.seconds`);
  return wholeNumber2(`${param}.seconds`, seconds, 3600, 2592e3);
}
__name(expirySeconds, "expirySeconds");
function kind2(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number") return Number.isInteger(value) ? "an integer" : "a decimal number";
  return { string: "a string", boolean: "a boolean", object: "an object" }[typeof value] ?? "nothing";
}
__name(kind2, "kind");

// js/worker/outcome.ts
async function outcome(call) {
  try {
    return { ok: await call() };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { status, type, message, param, code } = error;
    return { error: { status, type, message, param, code } };
  }
}
__name(outcome, "outcome");
async function unwrap(answer2) {
  const found = await answer2;
  if ("error" in found) throw apiError(found.error);
  return found.ok;
}
__name(unwrap, "unwrap");

// js/worker/batch-routes.ts
var batchRoutes = new Hono3();
batchRoutes.post("/", async (c) => {
  const body = await jsonObject(c);
  const outputSeconds = expirySeconds("output_expires_after", body.output_expires_after);
  const key = body.idempotency_key ?? c.req.header("idempotency-key");
  const params = { ...body, ...key !== void 0 && { idempotency_key: key } };
  try {
    return c.json(await unwrap(c.var.tenant.createBatch(params, outputSeconds)));
  } catch (error) {
    if (error instanceof ConflictError) return finalConflict(error);
    if (!(error instanceof InvalidRequestError) || dialect(c.env) !== "reference") throw error;
    const { status, type, param, code, message } = error;
    throw new ApiError({ status, type, param, code, message: `Invalid value: ${message}` });
  }
});
batchRoutes.get("/", async (c) => {
  const [after, limit] = [c.req.query("after"), limitOf(c)];
  const query = { ...after && { after }, ...limit !== void 0 && { limit } };
  return c.json(await unwrap(c.var.tenant.listBatches(query)));
});
batchRoutes.get("/:id", async (c) => c.json(await unwrap(c.var.tenant.retrieveBatch(c.req.param("id")))));
batchRoutes.post("/:id/cancel", async (c) => {
  try {
    return c.json(await unwrap(c.var.tenant.cancelBatch(c.req.param("id"))));
  } catch (error) {
    if (error instanceof ConflictError) return finalConflict(error);
    throw error;
  }
});
function finalConflict(error) {
  return errorResponse(error, { "x-should-retry": "false" });
}
__name(finalConflict, "finalConflict");

// js/worker/ids.ts
var BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
function newFileId() {
  const bytes2 = crypto.getRandomValues(new Uint8Array(16));
  let value = bytes2.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
  let text2 = "";
  for (let i = 0; i < 22; i++) {
    text2 = BASE62[Number(value % 62n)] + text2;
    value /= 62n;
  }
  return `file-${text2}`;
}
__name(newFileId, "newFileId");
function newId(prefix) {
  return prefix + crypto.randomUUID().replaceAll("-", "");
}
__name(newId, "newId");
function now() {
  return Math.floor(Date.now() / 1e3);
}
__name(now, "now");

// js/worker/multipart.ts
var MAX_HEADER_BYTES = 16 * 1024;
var CR = 13;
var LF = 10;
var DASH = 45;
async function* multipart(body, contentType) {
  const boundary = boundaryOf(contentType);
  const source = new Source(body, new TextEncoder().encode(`\r
--${boundary}`));
  try {
    await source.skipPreamble();
    while (await source.nextPart()) {
      const headers = await source.headers();
      const disposition = headers.get("content-disposition") ?? "";
      const { name, filename } = dispositionOf(disposition);
      yield { name, ...filename !== void 0 && { filename }, bytes: source.content() };
      await source.skipContent();
    }
    await source.drain();
  } finally {
    await source.cancel();
  }
}
__name(multipart, "multipart");
async function text(part, maxBytes = 64 * 1024) {
  const decoder3 = new TextDecoder();
  let [found, size] = ["", 0];
  for await (const chunk of part.bytes) {
    size += chunk.length;
    if (size > maxBytes) throw new InvalidRequestError(`The form field '${part.name}' is too long.`);
    found += decoder3.decode(chunk, { stream: true });
  }
  return found + decoder3.decode();
}
__name(text, "text");
var Source = class {
  static {
    __name(this, "Source");
  }
  #reader;
  /** The boundary with the line break before it, which belongs to it. */
  #delimiter;
  #buffer;
  #ended = false;
  /** Whether the buffer stands within a part's content. */
  #inContent = true;
  constructor(body, delimiter) {
    this.#reader = body?.getReader();
    this.#delimiter = delimiter;
    this.#buffer = new Uint8Array([CR, LF]);
  }
  async skipPreamble() {
    await this.skipContent();
  }
  /** After a boundary: whether a part follows. */
  async nextPart() {
    await this.#fill(2);
    if (this.#buffer[0] === DASH && this.#buffer[1] === DASH) return false;
    const line = await this.#line();
    if (line.trim() !== "") throw malformed("a boundary is followed by something else");
    return true;
  }
  async headers() {
    const headers = /* @__PURE__ */ new Map();
    let left = MAX_HEADER_BYTES;
    for (; ; ) {
      const line = await this.#line(left);
      if (line === "") break;
      left -= line.length + 2;
      const colon = line.indexOf(":");
      if (colon < 1) throw malformed("a header has no name");
      headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
    }
    this.#inContent = true;
    return headers;
  }
  async *content() {
    while (this.#inContent) {
      const at = find(this.#buffer, this.#delimiter);
      const end = at ?? this.#buffer.length - this.#delimiter.length + 1;
      if (end > 0) {
        const bytes2 = this.#buffer.subarray(0, end);
        this.#buffer = this.#buffer.subarray(end);
        yield bytes2;
        continue;
      }
      if (at !== void 0) {
        this.#buffer = this.#buffer.subarray(this.#delimiter.length);
        this.#inContent = false;
        return;
      }
      await this.#more();
    }
  }
  async skipContent() {
    for await (const _ of this.content()) ;
  }
  /** Reads what follows the last boundary: a client that is still sending it would see a broken connection. */
  async drain() {
    while (!this.#ended) {
      this.#buffer = new Uint8Array(0);
      await this.#more(true);
    }
  }
  async cancel() {
    if (!this.#ended) await this.#reader?.cancel().catch(() => void 0);
  }
  /** The text up to the next line break, which is taken too. */
  async #line(most = MAX_HEADER_BYTES) {
    for (let from = 0; ; ) {
      const at = this.#buffer.indexOf(LF, from);
      if (at > most || at < 0 && this.#buffer.length > most) throw malformed("its headers are too long");
      if (at >= 0) {
        const end = this.#buffer[at - 1] === CR ? at - 1 : at;
        const line = new TextDecoder().decode(this.#buffer.subarray(0, end));
        this.#buffer = this.#buffer.subarray(at + 1);
        return line;
      }
      from = this.#buffer.length;
      await this.#more();
    }
  }
  async #fill(length) {
    while (this.#buffer.length < length) await this.#more();
  }
  async #more(mayEnd = false) {
    const next = this.#ended ? void 0 : await this.#reader?.read();
    if (next?.value !== void 0) {
      this.#buffer = this.#buffer.length === 0 ? next.value : concat2(this.#buffer, next.value);
      return;
    }
    this.#ended = true;
    if (!mayEnd) throw malformed("it ends before its last boundary");
  }
};
function find(bytes2, delimiter) {
  const last = bytes2.length - delimiter.length;
  for (let at = bytes2.indexOf(CR); at >= 0 && at <= last; at = bytes2.indexOf(CR, at + 1)) {
    let i = 1;
    while (i < delimiter.length && bytes2[at + i] === delimiter[i]) i++;
    if (i === delimiter.length) return at;
  }
  return void 0;
}
__name(find, "find");
function boundaryOf(contentType) {
  const [type = "", ...parameters] = splitParameters(contentType ?? "");
  const boundary = parameter(parameters, "boundary");
  if (type.toLowerCase() !== "multipart/form-data" || !boundary) {
    throw new InvalidRequestError(
      "Invalid Content-Type: expected 'multipart/form-data' with a boundary, as file uploads are sent."
    );
  }
  return boundary;
}
__name(boundaryOf, "boundaryOf");
function dispositionOf(header) {
  const [type = "", ...parameters] = splitParameters(header);
  const name = parameter(parameters, "name");
  if (type.toLowerCase() !== "form-data" || name === void 0) throw malformed("a part has no name");
  const filename = extended(parameters, "filename*") ?? parameter(parameters, "filename");
  return { name, ...filename !== void 0 && { filename } };
}
__name(dispositionOf, "dispositionOf");
function splitParameters(header) {
  return (header.match(/(?:"(?:\\.|[^"\\])*"|[^;"]|")+/g) ?? []).map((item) => item.trim());
}
__name(splitParameters, "splitParameters");
function parameter(parameters, name) {
  for (const item of parameters) {
    const equals = item.indexOf("=");
    if (equals < 0 || item.slice(0, equals).trim().toLowerCase() !== name) continue;
    const value = item.slice(equals + 1).trim();
    if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value;
    return value.slice(1, -1).replace(/\\(["\\])/g, "$1").replace(/%(22|0D|0A)/gi, (_, hex2) => String.fromCharCode(Number.parseInt(hex2, 16)));
  }
  return void 0;
}
__name(parameter, "parameter");
function extended(parameters, name) {
  const [, encoded] = /^utf-8'[^']*'(.*)$/i.exec(parameter(parameters, name) ?? "") ?? [];
  if (encoded === void 0) return void 0;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return void 0;
  }
}
__name(extended, "extended");
function malformed(why) {
  return new InvalidRequestError(`Could not parse the multipart/form-data body: ${why}.`);
}
__name(malformed, "malformed");
function concat2(a, b) {
  const bytes2 = new Uint8Array(a.length + b.length);
  bytes2.set(a);
  bytes2.set(b, a.length);
  return bytes2;
}
__name(concat2, "concat");

// js/hosts/r2.ts
var PART_BYTES = 8 * 1024 * 1024;
async function readObject(bucket, key, offset, length) {
  if (length > 0) {
    try {
      const found = await bucket.get(key, { range: { offset, length } });
      return found === null ? null : new Uint8Array(await found.arrayBuffer());
    } catch (error) {
      const head = await bucket.head(key);
      if (head === null) return null;
      if (offset < head.size) throw error;
      return new Uint8Array(0);
    }
  }
  return await bucket.head(key) === null ? null : new Uint8Array(0);
}
__name(readObject, "readObject");
var ObjectWriter = class {
  static {
    __name(this, "ObjectWriter");
  }
  #bucket;
  #key;
  #metadata;
  #upload;
  #parts = [];
  #buffer = new Uint8Array(0);
  #filled = 0;
  #size = 0;
  #state = "open";
  #last = Promise.resolve();
  constructor(bucket, key, metadata = {}) {
    this.#bucket = bucket;
    this.#key = key;
    this.#metadata = metadata;
  }
  /** Bytes written so far. */
  get size() {
    return this.#size;
  }
  async write(part) {
    this.#checkOpen();
    const written = this.#last.then(() => this.#append(part));
    this.#last = written.catch(() => void 0);
    return written;
  }
  /** Makes the object visible. Gives its size. */
  async complete() {
    this.#checkOpen();
    await this.#last;
    this.#checkOpen();
    this.#state = "closed";
    const rest = this.#buffer.subarray(0, this.#filled);
    this.#buffer = new Uint8Array(0);
    if (this.#upload === void 0) {
      await this.#bucket.put(this.#key, rest, { customMetadata: this.#metadata });
    } else {
      if (rest.length > 0) this.#parts.push(await this.#upload.uploadPart(this.#parts.length + 1, rest));
      await this.#upload.complete(this.#parts);
    }
    return this.#size;
  }
  async abort() {
    if (this.#state === "closed") return;
    this.#state = "closed";
    await this.#last;
    this.#buffer = new Uint8Array(0);
    await this.#upload?.abort();
  }
  async #append(part) {
    this.#checkOpen();
    try {
      for (let at = 0; at < part.length; ) {
        const taken = part.subarray(at, at + PART_BYTES - this.#filled);
        this.#reserve(this.#filled + taken.length);
        this.#buffer.set(taken, this.#filled);
        this.#filled += taken.length;
        at += taken.length;
        if (this.#filled === PART_BYTES) await this.#flush();
      }
      this.#size += part.length;
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
  }
  /** Small files need small buffers: it doubles up to the size of a part. */
  #reserve(size) {
    if (size <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.min(Math.max(size, 2 * this.#buffer.length, 64 * 1024), PART_BYTES));
    larger.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = larger;
  }
  async #flush() {
    this.#upload ??= await this.#bucket.createMultipartUpload(this.#key, { customMetadata: this.#metadata });
    this.#parts.push(await this.#upload.uploadPart(this.#parts.length + 1, this.#buffer));
    this.#filled = 0;
  }
  #checkOpen() {
    if (this.#state === "open") return;
    throw new Error(this.#state === "failed" ? "An earlier write failed." : "The writer is closed.");
  }
};

// js/worker/receive.ts
var PURPOSES = ["fine-tune", "assistants", "batch", "user_data", "vision", "evals"];
var FIRST_LINE_BYTES = 1024 * 1024;
async function receive(bucket, key, part, maxBytes) {
  const writer = new ObjectWriter(bucket, key);
  const head = new FirstLine();
  try {
    for await (const chunk of part.bytes) {
      head.push(chunk);
      await writer.write(chunk);
      if (writer.size > maxBytes) throw new InvalidRequestError("File is too large.");
    }
    const bytes2 = await writer.complete();
    return { filename: part.filename ?? "upload", bytes: bytes2, firstLine: head.line() };
  } catch (error) {
    await writer.abort().catch(() => void 0);
    throw error;
  }
}
__name(receive, "receive");
function checkPurpose(purpose) {
  if (purpose === void 0 || purpose === "") {
    throw new InvalidRequestError("'purpose' is a required property");
  }
  if (PURPOSES.includes(purpose)) return purpose;
  const all = PURPOSES.map((name) => `'${name}'`).join(", ");
  throw new InvalidRequestError(`'${purpose}' is not one of [${all}] - 'purpose'`, { param: "purpose" });
}
__name(checkPurpose, "checkPurpose");
function checkBatchInput(file) {
  const extension = /\.([^./\\]*)$/.exec(file.filename)?.[1]?.toLowerCase();
  const named = extension === void 0 || extension === "jsonl";
  if (named && (file.firstLine === void 0 || isJsonObject(file.firstLine))) return;
  throw new InvalidRequestError("Invalid file format for Batch API. Must be .jsonl");
}
__name(checkBatchInput, "checkBatchInput");
function isJsonObject(bytes2) {
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes2));
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
__name(isJsonObject, "isJsonObject");
var FirstLine = class {
  static {
    __name(this, "FirstLine");
  }
  #kept = [];
  #size = 0;
  #state = "blank";
  push(chunk) {
    let rest = chunk;
    if (this.#state === "blank") {
      const start = rest.findIndex((byte) => byte !== 10 && byte !== 13 && byte !== 32 && byte !== 9);
      if (start < 0) return;
      rest = rest.subarray(start);
      this.#state = "open";
    }
    if (this.#state !== "open") return;
    const end = rest.indexOf(10);
    const piece = end < 0 ? rest : rest.subarray(0, end);
    this.#size += piece.length;
    if (this.#size > FIRST_LINE_BYTES) {
      this.#state = "too long";
      this.#kept = [];
      return;
    }
    this.#kept.push(piece.slice());
    if (end >= 0) this.#state = "done";
  }
  /** The line without its end; undefined when it was too long to keep. */
  line() {
    if (this.#state === "too long") return void 0;
    const bytes2 = new Uint8Array(this.#size);
    let at = 0;
    for (const piece of this.#kept) {
      bytes2.set(piece, at);
      at += piece.length;
    }
    return bytes2;
  }
};

// js/worker/stored-bytes.ts
async function readSegments(bucket, segments, offset, length) {
  const pieces = cut(segments, offset, length);
  const [only] = pieces;
  if (pieces.length === 1 && only) return readObject(bucket, only.key, only.offset, only.length);
  const parts = await Promise.all(
    pieces.map((piece) => readObject(bucket, piece.key, piece.offset, piece.length))
  );
  const bytes2 = new Uint8Array(parts.reduce((sum, part) => sum + (part?.length ?? 0), 0));
  let at = 0;
  for (const part of parts) {
    if (part === null) return null;
    bytes2.set(part, at);
    at += part.length;
  }
  return bytes2;
}
__name(readSegments, "readSegments");
function streamSegments(bucket, segments, offset, length) {
  const pieces = cut(segments, offset, length);
  const { readable, writable } = new FixedLengthStream(pieces.reduce((sum, piece) => sum + piece.length, 0));
  const copy = /* @__PURE__ */ __name(async () => {
    for (const { key, offset: offset2, length: length2 } of pieces) {
      const found = await bucket.get(key, { range: { offset: offset2, length: length2 } });
      if (found === null) throw new Error(`the object ${key} is gone`);
      await found.body.pipeTo(writable, { preventClose: true });
    }
    await writable.close();
  }, "copy");
  copy().catch((error) => writable.abort(error).catch(() => void 0));
  return readable;
}
__name(streamSegments, "streamSegments");
function cut(segments, offset, length) {
  const pieces = [];
  let start = 0;
  for (const { key, bytes: bytes2 } of segments) {
    const from = Math.max(offset, start);
    const to = Math.min(offset + length, start + bytes2);
    if (to > from) pieces.push({ key, offset: from - start, length: to - from });
    start += bytes2;
  }
  return pieces;
}
__name(cut, "cut");

// js/worker/runner-files.ts
var RunnerFiles = class {
  static {
    __name(this, "RunnerFiles");
  }
  #bucket;
  #tenant;
  #tenantName;
  #batchId;
  #segments = /* @__PURE__ */ new Map();
  constructor(options) {
    this.#bucket = options.bucket;
    this.#tenant = options.tenant;
    this.#tenantName = options.tenantName;
    this.#batchId = options.batchId;
  }
  async retrieve(id) {
    const found = await this.#tenant().runnerInput(id);
    if (found) this.#segments.set(id, found.segments);
    else this.#segments.delete(id);
    return found?.file ?? null;
  }
  async read(id, offset, length) {
    const segments = this.#segments.get(id) ?? (await this.retrieve(id) && this.#segments.get(id));
    const bytes2 = segments && await readSegments(this.#bucket, segments, offset, length);
    if (!bytes2) throw new ResourceNotFoundError(`No such File object: ${id}`, { param: "id" });
    return bytes2;
  }
  async create(options) {
    const { filename, purpose, id = newFileId() } = options;
    const key = fileKey(this.#tenantName, id);
    const writer = new ObjectWriter(this.#bucket, key);
    return {
      write: /* @__PURE__ */ __name((part) => writer.write(part), "write"),
      complete: /* @__PURE__ */ __name(async () => {
        const bytes2 = await writer.complete();
        return this.#tenant().runnerOutput(this.#batchId, {
          id,
          filename,
          purpose,
          segments: [{ key, bytes: bytes2 }]
        });
      }, "complete"),
      abort: /* @__PURE__ */ __name(() => writer.abort(), "abort")
    };
  }
};
function fileKey(tenant, id) {
  return `${tenant}/files/${id}`;
}
__name(fileKey, "fileKey");
function partKey(tenant, id) {
  return `${tenant}/parts/${id}`;
}
__name(partKey, "partKey");

// js/worker/file-routes.ts
var MAX_FILE_BYTES = 512 * 1024 * 1024;
var BATCH_SECONDS = 2592e3;
var MAX_LIST = 1e4;
var DOWNLOADABLE = ["batch", "batch_output", "fine-tune", "fine-tune-results", "evals"];
var fileRoutes = new Hono3();
fileRoutes.post("/", async (c) => {
  const bucket = c.env.FILES;
  const id = newFileId();
  const key = fileKey(c.var.tenantName, id);
  const fields = /* @__PURE__ */ new Map();
  let file;
  try {
    const atMost = Math.max(MAX_FILE_BYTES, maxBatchFileBytes(c.env));
    for await (const part of multipart(c.req.raw.body, c.req.header("content-type") ?? null)) {
      if (part.name !== "file") fields.set(part.name, await text(part));
      else if (file) throw new InvalidRequestError("Only one 'file' is taken.", { param: "file" });
      else file = await receive(bucket, key, part, atMost);
    }
    const { purpose, seconds } = checkForm(c, fields, file);
    const created_at = now();
    return c.json(
      await c.var.tenant.createFile({
        ...{ id, purpose, filename: file.filename, created_at },
        expires_at: seconds === null ? null : created_at + seconds,
        segments: [{ key, bytes: file.bytes }]
      })
    );
  } catch (error) {
    if (file) await bucket.delete(key);
    throw error;
  }
});
function checkForm(c, fields, file) {
  if (!file) throw new InvalidRequestError("'file' is a required property");
  const purpose = checkPurpose(fields.get("purpose"));
  const anchor = fields.get("expires_after[anchor]");
  const after = fields.get("expires_after[seconds]");
  let seconds = purpose === "batch" ? BATCH_SECONDS : null;
  if (anchor !== void 0 || after !== void 0) {
    const number = /^-?\d+$/.test(after ?? "") ? Number(after) : after;
    seconds = expirySeconds("expires_after", { anchor, seconds: number });
  }
  if (purpose === "batch") {
    checkBatchInput(file);
    if (file.bytes > maxBatchFileBytes(c.env)) throw new InvalidRequestError("File is too large.");
  } else if (file.bytes > MAX_FILE_BYTES) throw new InvalidRequestError("File is too large.");
  return { purpose, seconds };
}
__name(checkForm, "checkForm");
fileRoutes.get("/", async (c) => {
  const { after, order: order2 = "desc", purpose } = c.req.query();
  if (order2 !== "asc" && order2 !== "desc") {
    throw new InvalidRequestError(`Invalid value: '${order2}'. Supported values are: 'asc' and 'desc'.`, {
      param: "order",
      code: "invalid_value"
    });
  }
  const limit = wholeNumber2("limit", limitOf(c) ?? MAX_LIST, 0, MAX_LIST);
  const query = { limit, order: order2, ...after && { after }, ...purpose && { purpose } };
  return c.json(await unwrap(c.var.tenant.listFiles(query)));
});
fileRoutes.get("/:id", async (c) => {
  const { file } = await unwrap(c.var.tenant.getFile(c.req.param("id")));
  return c.json(file);
});
fileRoutes.delete("/:id", async (c) => {
  const id = c.req.param("id");
  await unwrap(c.var.tenant.deleteFile(id));
  return c.json({ object: "file", deleted: true, id });
});
fileRoutes.get("/:id/content", async (c) => {
  const stored = await unwrap(c.var.tenant.getFile(c.req.param("id")));
  if (!DOWNLOADABLE.includes(stored.file.purpose)) {
    throw new InvalidRequestError(`Not allowed to download files of purpose: ${stored.file.purpose}`);
  }
  return content(c, stored);
});
function content(c, { file, segments }) {
  const etag = `"${file.id}"`;
  const headers = new Headers({
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; ${quotedName(file.filename)}`,
    "accept-ranges": "bytes",
    etag
  });
  const condition = c.req.header("if-range");
  const asked = condition === void 0 || condition === etag ? c.req.header("range") : void 0;
  const range = rangeOf(asked, file.bytes);
  if (range === "unsatisfiable") {
    const message = `The range '${asked}' is not satisfiable: the file has ${file.bytes} bytes.`;
    const error = new ApiError({
      status: 416,
      type: "invalid_request_error",
      message,
      param: null,
      code: null
    });
    return errorResponse(error, { "content-range": `bytes */${file.bytes}` });
  }
  const { start, length } = range ?? { start: 0, length: file.bytes };
  headers.set("content-length", String(length));
  if (range) headers.set("content-range", `bytes ${start}-${start + length - 1}/${file.bytes}`);
  const wanted = c.req.method !== "HEAD" && length > 0;
  const body = wanted ? streamSegments(c.env.FILES, segments, start, length) : null;
  return new Response(body, { status: range ? 206 : 200, headers });
}
__name(content, "content");
function rangeOf(header, size) {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "") ?? [];
  if (first === "" && last === "") return void 0;
  const start = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return void 0;
  if (start >= size || end < start) return "unsatisfiable";
  return { start, length: end - start + 1 };
}
__name(rangeOf, "rangeOf");
function quotedName(name) {
  const plain = name.replace(/[^\x20-\x7e]/g, "_").replace(/["\\]/g, "_");
  if (plain === name) return `filename="${plain}"`;
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16)}`
  );
  return `filename="${plain}"; filename*=utf-8''${encoded}`;
}
__name(quotedName, "quotedName");

// js/worker/log.ts
function log(event, fields = {}) {
  console.log(JSON.stringify({ event, ...fields }));
}
__name(log, "log");
function logError(event, error, fields = {}) {
  const { name, message } = error instanceof Error ? error : { name: typeof error, message: String(error) };
  console.error(JSON.stringify({ event, ...fields, error: name, message }));
}
__name(logError, "logError");

// js/worker/upload-routes.ts
var MAX_PART_BYTES = 64 * 1024 * 1024;
var MAX_UPLOAD_BYTES = 8 * 1024 * 1024 * 1024;
var HEAD_BYTES = 256 * 1024;
var BATCH_SECONDS2 = 2592e3;
var uploadRoutes = new Hono3();
uploadRoutes.post("/", async (c) => {
  const body = await jsonObject(c);
  const filename = requiredString(body, "filename");
  const purpose = checkPurpose(requiredString(body, "purpose"));
  if (body.bytes === void 0 || body.bytes === null) throw missingParameter("bytes");
  const bytes2 = wholeNumber2("bytes", body.bytes, 0, MAX_UPLOAD_BYTES);
  requiredString(body, "mime_type");
  const seconds = expirySeconds("expires_after", body.expires_after);
  const fileSeconds = seconds ?? (purpose === "batch" ? BATCH_SECONDS2 : null);
  const id = newId("upload_");
  return c.json(await unwrap(c.var.tenant.createUpload({ id, filename, purpose, bytes: bytes2, fileSeconds })));
});
uploadRoutes.post("/:id/parts", async (c) => {
  const uploadId = c.req.param("id");
  const bucket = c.env.FILES;
  await unwrap(c.var.tenant.checkUpload(uploadId));
  const id = newId("part_");
  const key = partKey(c.var.tenantName, id);
  let bytes2;
  try {
    for await (const part of multipart(c.req.raw.body, c.req.header("content-type") ?? null)) {
      if (part.name !== "data") continue;
      if (bytes2 !== void 0) throw new InvalidRequestError("Only one 'data' is taken.", { param: "data" });
      ({ bytes: bytes2 } = await receive(bucket, key, part, MAX_PART_BYTES));
    }
    if (bytes2 === void 0) throw missingParameter("data");
    return c.json(await unwrap(c.var.tenant.addUploadPart(uploadId, { id, key, bytes: bytes2 })));
  } catch (error) {
    if (bytes2 !== void 0) await bucket.delete(key);
    throw error;
  }
});
uploadRoutes.post("/:id/complete", async (c) => {
  const id = c.req.param("id");
  const body = await jsonObject(c);
  const partIds = body.part_ids;
  if (partIds === void 0 || partIds === null) throw missingParameter("part_ids");
  if (!Array.isArray(partIds)) throw wrongType("part_ids", "an array of strings", partIds);
  const wrong = partIds.findIndex((partId) => typeof partId !== "string");
  if (wrong >= 0) throw wrongType(`part_ids[${wrong}]`, "a string", partIds[wrong]);
  const { purpose, filename, segments } = await unwrap(c.var.tenant.planUpload(id, partIds));
  if (purpose === "batch") await checkFirstLine(c, filename, segments);
  if (body.md5 !== void 0 && body.md5 !== null) await checkMd5(c, requiredString(body, "md5"), segments);
  return c.json(await unwrap(c.var.tenant.completeUpload(id, partIds, newFileId())));
});
uploadRoutes.post(
  "/:id/cancel",
  async (c) => c.json(await unwrap(c.var.tenant.cancelUpload(c.req.param("id"))))
);
async function checkFirstLine(c, filename, segments) {
  const bytes2 = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const start = await readSegments(c.env.FILES, segments, 0, HEAD_BYTES);
  const head = new FirstLine();
  if (start) head.push(start);
  const whole = bytes2 <= HEAD_BYTES || start?.includes(10);
  checkBatchInput({ filename, bytes: bytes2, firstLine: whole ? head.line() : void 0 });
}
__name(checkFirstLine, "checkFirstLine");
async function checkMd5(c, expected, segments) {
  const bytes2 = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const digest = new crypto.DigestStream("MD5");
  await streamSegments(c.env.FILES, segments, 0, bytes2).pipeTo(digest);
  const hex2 = [...new Uint8Array(await digest.digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex2 === expected.trim().toLowerCase()) return;
  throw new InvalidRequestError(`The file's MD5 is ${hex2}, not '${expected}'.`, { param: "md5" });
}
__name(checkMd5, "checkMd5");

// js/worker/runner.ts
import { DurableObject } from "cloudflare:workers";

// js/core.ts
var loaded;
function setCore(core2) {
  loaded = core2;
}
__name(setCore, "setCore");
function core() {
  if (!loaded)
    throw new Error("edgebatch: the wasm core is not loaded; import the package's entry, not a file of it");
  return loaded;
}
__name(core, "core");
function isApiErrorFields(thrown) {
  return typeof thrown === "object" && thrown !== null && "status" in thrown && !(thrown instanceof Error);
}
__name(isApiErrorFields, "isApiErrorFields");

// js/wasm/edgebatch.js
var edgebatch_exports = {};
__export(edgebatch_exports, {
  InputReader: () => InputReader,
  Validator: () => Validator,
  __wbg_reset_state: () => __wbg_reset_state,
  admitBatches: () => admitBatches,
  cancelBatch: () => cancelBatch,
  createBatch: () => createBatch,
  default: () => __wbg_init,
  initSync: () => initSync,
  listBatches: () => listBatches,
  retrieveBatch: () => retrieveBatch,
  runTurn: () => runTurn,
  serve: () => serve
});
var InputReader = class {
  static {
    __name(this, "InputReader");
  }
  __destroy_into_raw() {
    const ptr = this.__wbg_ptr;
    this.__wbg_ptr = 0;
    InputReaderFinalization.unregister(this);
    return ptr;
  }
  free() {
    const ptr = this.__destroy_into_raw();
    __wbg_call_guard();
    wasm.__wbg_inputreader_free(ptr, 0);
  }
  /**
   * For a stored file that is to run on `endpoint`.
   * @param {any} host
   * @param {string} file_id
   * @param {string} endpoint
   * @param {any} settings
   */
  constructor(host, file_id, endpoint, settings) {
    let ptr0, len0, ptr1, len1;
    try {
      ptr0 = passStringToWasm0(file_id, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
      len0 = WASM_VECTOR_LEN;
      ptr1 = passStringToWasm0(endpoint, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
      len1 = WASM_VECTOR_LEN;
    } catch (e) {
      if (ptr1) {
        wasm.__wbindgen_free(ptr1, len1 * 1, 1);
      }
      if (ptr0) {
        wasm.__wbindgen_free(ptr0, len0 * 1, 1);
      }
      throw e;
    }
    let ret;
    __wbg_call_guard();
    ret = wasm.inputreader_new(host, ptr0, len0, ptr1, len1, settings);
    if (ret[2]) {
      throw takeFromExternrefTable0(ret[1]);
    }
    this.__wbg_ptr = ret[0];
    Object.defineProperty(this, "__wbg_inst", { value: __wbg_instance_id, writable: true });
    InputReaderFinalization.register(this, { ptr: ret[0], instance: __wbg_instance_id }, this);
    return this;
  }
  /**
   * Reads one piece: `{ requests, report }`. `report` is null until the file is at its end; `requests` stays
   * empty unless `collect`.
   * @param {boolean} collect
   * @returns {Promise<any>}
   */
  next(collect) {
    if (this.__wbg_inst !== void 0 && this.__wbg_inst !== __wbg_instance_id) {
      throw new Error("Invalid stale object from previous Wasm instance");
    }
    let ret;
    __wbg_call_guard();
    ret = wasm.inputreader_next(this.__wbg_ptr, collect);
    return ret;
  }
};
if (Symbol.dispose) InputReader.prototype[Symbol.dispose] = InputReader.prototype.free;
var Validator = class {
  static {
    __name(this, "Validator");
  }
  __destroy_into_raw() {
    const ptr = this.__wbg_ptr;
    this.__wbg_ptr = 0;
    ValidatorFinalization.unregister(this);
    return ptr;
  }
  free() {
    const ptr = this.__destroy_into_raw();
    __wbg_call_guard();
    wasm.__wbg_validator_free(ptr, 0);
  }
  /**
   * The file is at its end. What was found in it.
   * @returns {any}
   */
  finish() {
    if (this.__wbg_inst !== void 0 && this.__wbg_inst !== __wbg_instance_id) {
      throw new Error("Invalid stale object from previous Wasm instance");
    }
    let ret;
    __wbg_call_guard();
    ret = wasm.validator_finish(this.__wbg_ptr);
    if (ret[2]) {
      throw takeFromExternrefTable0(ret[1]);
    }
    return takeFromExternrefTable0(ret[0]);
  }
  /**
   * For a file that is to run on `endpoint`. `key` is fresh randomness.
   * @param {string} endpoint
   * @param {any} settings
   * @param {bigint} key
   */
  constructor(endpoint, settings, key) {
    const val2 = BigInt.asIntN(64, key);
    const ptr0 = passStringToWasm0(endpoint, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
    const len0 = WASM_VECTOR_LEN;
    let ret;
    __wbg_call_guard();
    ret = wasm.validator_new(ptr0, len0, settings, val2);
    if (ret[2]) {
      throw takeFromExternrefTable0(ret[1]);
    }
    this.__wbg_ptr = ret[0];
    Object.defineProperty(this, "__wbg_inst", { value: __wbg_instance_id, writable: true });
    ValidatorFinalization.register(this, { ptr: ret[0], instance: __wbg_instance_id }, this);
    return this;
  }
  /**
   * The next bytes of the file.
   * @param {Uint8Array | number[]} chunk
   */
  push(chunk) {
    if (this.__wbg_inst !== void 0 && this.__wbg_inst !== __wbg_instance_id) {
      throw new Error("Invalid stale object from previous Wasm instance");
    }
    const ptr0 = passArray8ToWasm0(chunk, wasm.__wbindgen_malloc);
    const len0 = WASM_VECTOR_LEN;
    __wbg_call_guard();
    wasm.validator_push(this.__wbg_ptr, ptr0, len0);
  }
  /**
   * What was found so far.
   * @returns {any}
   */
  report() {
    if (this.__wbg_inst !== void 0 && this.__wbg_inst !== __wbg_instance_id) {
      throw new Error("Invalid stale object from previous Wasm instance");
    }
    let ret;
    __wbg_call_guard();
    ret = wasm.validator_report(this.__wbg_ptr);
    if (ret[2]) {
      throw takeFromExternrefTable0(ret[1]);
    }
    return takeFromExternrefTable0(ret[0]);
  }
};
if (Symbol.dispose) Validator.prototype[Symbol.dispose] = Validator.prototype.free;
function __wbg_reset_state() {
  __wbg_instance_id++;
  cachedDataViewMemory0 = null;
  cachedUint8ArrayMemory0 = null;
  if (typeof numBytesDecoded !== "undefined") numBytesDecoded = 0;
  if (typeof WASM_VECTOR_LEN !== "undefined") WASM_VECTOR_LEN = 0;
  __wbg_reinit_scheduled = false;
  wasmInstance = new WebAssembly.Instance(wasmModule, __wbg_get_imports());
  wasm = wasmInstance.exports;
  wasm.__wbindgen_start();
}
__name(__wbg_reset_state, "__wbg_reset_state");
function admitBatches(queue) {
  let ret;
  __wbg_call_guard();
  ret = wasm.admitBatches(queue);
  if (ret[2]) {
    throw takeFromExternrefTable0(ret[1]);
  }
  return takeFromExternrefTable0(ret[0]);
}
__name(admitBatches, "admitBatches");
function cancelBatch(host, id, settings) {
  const ptr0 = passStringToWasm0(id, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
  const len0 = WASM_VECTOR_LEN;
  let ret;
  __wbg_call_guard();
  ret = wasm.cancelBatch(host, ptr0, len0, settings);
  return ret;
}
__name(cancelBatch, "cancelBatch");
function createBatch(host, params, settings) {
  let ret;
  __wbg_call_guard();
  ret = wasm.createBatch(host, params, settings);
  return ret;
}
__name(createBatch, "createBatch");
function listBatches(host, params, settings) {
  let ret;
  __wbg_call_guard();
  ret = wasm.listBatches(host, params, settings);
  return ret;
}
__name(listBatches, "listBatches");
function retrieveBatch(host, id, settings) {
  const ptr0 = passStringToWasm0(id, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
  const len0 = WASM_VECTOR_LEN;
  let ret;
  __wbg_call_guard();
  ret = wasm.retrieveBatch(host, ptr0, len0, settings);
  return ret;
}
__name(retrieveBatch, "retrieveBatch");
function runTurn(host, id, settings, deadline) {
  const val2 = +(isLikeNone(deadline) ? 0 : deadline);
  const ptr0 = passStringToWasm0(id, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
  const len0 = WASM_VECTOR_LEN;
  let ret;
  __wbg_call_guard();
  ret = wasm.runTurn(host, ptr0, len0, settings, !isLikeNone(deadline), val2);
  return ret;
}
__name(runTurn, "runTurn");
function serve(host, settings) {
  let ret;
  __wbg_call_guard();
  ret = wasm.serve(host, settings);
  return ret;
}
__name(serve, "serve");
function __wbg_get_imports() {
  const import0 = {
    __proto__: null,
    __wbg_Error_208446807d0d1e30: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = Error(getStringFromWasm0(arg0, arg1));
      return ret;
    }, "__wbg_Error_208446807d0d1e30"),
    __wbg_Number_ff192a72a0dcdf6d: /* @__PURE__ */ __name(function(arg0) {
      const ret = Number(arg0);
      return ret;
    }, "__wbg_Number_ff192a72a0dcdf6d"),
    __wbg_String_8564e559799eccda: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = String(arg1);
      const ptr1 = passStringToWasm0(ret, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
      const len1 = WASM_VECTOR_LEN;
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
    }, "__wbg_String_8564e559799eccda"),
    __wbg___wbindgen_bigint_get_as_i64_11da4b52cd0aedef: /* @__PURE__ */ __name(function(arg0, arg1) {
      const v = arg1;
      const ret = typeof v === "bigint" ? v : void 0;
      getDataViewMemory0().setBigInt64((arg0 >>> 0) + 8 * 1, isLikeNone(ret) ? BigInt(0) : ret, true);
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, !isLikeNone(ret), true);
    }, "__wbg___wbindgen_bigint_get_as_i64_11da4b52cd0aedef"),
    __wbg___wbindgen_boolean_get_4f1baf9a00be3c74: /* @__PURE__ */ __name(function(arg0) {
      const v = arg0;
      const ret = typeof v === "boolean" ? v : void 0;
      return isLikeNone(ret) ? 16777215 : ret ? 1 : 0;
    }, "__wbg___wbindgen_boolean_get_4f1baf9a00be3c74"),
    __wbg___wbindgen_debug_string_f249a2a76caa9a55: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = debugString(arg1);
      const ptr1 = passStringToWasm0(ret, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
      const len1 = WASM_VECTOR_LEN;
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
    }, "__wbg___wbindgen_debug_string_f249a2a76caa9a55"),
    __wbg___wbindgen_in_3f58a9d3b3a7eed2: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = arg0 in arg1;
      return ret;
    }, "__wbg___wbindgen_in_3f58a9d3b3a7eed2"),
    __wbg___wbindgen_is_bigint_5fa10641e039d3ef: /* @__PURE__ */ __name(function(arg0) {
      const ret = typeof arg0 === "bigint";
      return ret;
    }, "__wbg___wbindgen_is_bigint_5fa10641e039d3ef"),
    __wbg___wbindgen_is_falsy_d864b623500ae65d: /* @__PURE__ */ __name(function(arg0) {
      const ret = !arg0;
      return ret;
    }, "__wbg___wbindgen_is_falsy_d864b623500ae65d"),
    __wbg___wbindgen_is_function_741ff2bb612836f5: /* @__PURE__ */ __name(function(arg0) {
      const ret = typeof arg0 === "function";
      return ret;
    }, "__wbg___wbindgen_is_function_741ff2bb612836f5"),
    __wbg___wbindgen_is_null_c22311b1cc228e3a: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0 === null;
      return ret;
    }, "__wbg___wbindgen_is_null_c22311b1cc228e3a"),
    __wbg___wbindgen_is_object_8b968c3ab8e96595: /* @__PURE__ */ __name(function(arg0) {
      const val = arg0;
      const ret = typeof val === "object" && val !== null;
      return ret;
    }, "__wbg___wbindgen_is_object_8b968c3ab8e96595"),
    __wbg___wbindgen_is_string_fc456fee5d3317de: /* @__PURE__ */ __name(function(arg0) {
      const ret = typeof arg0 === "string";
      return ret;
    }, "__wbg___wbindgen_is_string_fc456fee5d3317de"),
    __wbg___wbindgen_is_undefined_be5b34249ff1fc15: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0 === void 0;
      return ret;
    }, "__wbg___wbindgen_is_undefined_be5b34249ff1fc15"),
    __wbg___wbindgen_jsval_eq_38d7bfbe4cc84039: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = arg0 === arg1;
      return ret;
    }, "__wbg___wbindgen_jsval_eq_38d7bfbe4cc84039"),
    __wbg___wbindgen_jsval_loose_eq_b2f214e2e4b30e36: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = arg0 == arg1;
      return ret;
    }, "__wbg___wbindgen_jsval_loose_eq_b2f214e2e4b30e36"),
    __wbg___wbindgen_number_get_934b640d0889af78: /* @__PURE__ */ __name(function(arg0, arg1) {
      const obj = arg1;
      const ret = typeof obj === "number" ? obj : void 0;
      getDataViewMemory0().setFloat64((arg0 >>> 0) + 8 * 1, isLikeNone(ret) ? 0 : ret, true);
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, !isLikeNone(ret), true);
    }, "__wbg___wbindgen_number_get_934b640d0889af78"),
    __wbg___wbindgen_string_get_7ce8eee7fd327545: /* @__PURE__ */ __name(function(arg0, arg1) {
      const obj = arg1;
      const ret = typeof obj === "string" ? obj : void 0;
      var ptr1 = isLikeNone(ret) ? 0 : passStringToWasm0(ret, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
      var len1 = WASM_VECTOR_LEN;
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
    }, "__wbg___wbindgen_string_get_7ce8eee7fd327545"),
    __wbg___wbindgen_throw_4c88d8bf264fd984: /* @__PURE__ */ __name(function(arg0, arg1) {
      throw new Error(getStringFromWasm0(arg0, arg1));
    }, "__wbg___wbindgen_throw_4c88d8bf264fd984"),
    __wbg__wbg_cb_unref_09736879a3f67559: /* @__PURE__ */ __name(function(arg0) {
      arg0._wbg_cb_unref();
    }, "__wbg__wbg_cb_unref_09736879a3f67559"),
    __wbg_abort_1739596b5371059b: /* @__PURE__ */ __name(function(arg0) {
      arg0.abort();
    }, "__wbg_abort_1739596b5371059b"),
    __wbg_abort_4f41fa3246dc9b4a: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0) {
        const ret = arg0.abort();
        return ret;
      }, arguments);
    }, "__wbg_abort_4f41fa3246dc9b4a"),
    __wbg_body_c6b841c497ddf933: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.body;
      return ret;
    }, "__wbg_body_c6b841c497ddf933"),
    __wbg_bytes_ed2ab2ec3139786e: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.bytes;
      return ret;
    }, "__wbg_bytes_ed2ab2ec3139786e"),
    __wbg_call_40b008ba32f73991: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1) {
        const ret = arg0.call(arg1);
        return ret;
      }, arguments);
    }, "__wbg_call_40b008ba32f73991"),
    __wbg_call_a410eb4b59ed5965: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1, arg2) {
        const ret = arg0.call(arg1, arg2);
        return ret;
      }, arguments);
    }, "__wbg_call_a410eb4b59ed5965"),
    __wbg_complete_4469a2579845a907: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0) {
        const ret = arg0.complete();
        return ret;
      }, arguments);
    }, "__wbg_complete_4469a2579845a907"),
    __wbg_createFile_3a4889beae3960ac: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1, arg2, arg3, arg4) {
        const ret = arg0.createFile(getStringFromWasm0(arg1, arg2), getStringFromWasm0(arg3, arg4));
        return ret;
      }, arguments);
    }, "__wbg_createFile_3a4889beae3960ac"),
    __wbg_done_57e08d0be6e30c02: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.done;
      return ret;
    }, "__wbg_done_57e08d0be6e30c02"),
    __wbg_entries_6c89cce68f967993: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.entries;
      return ret;
    }, "__wbg_entries_6c89cce68f967993"),
    __wbg_entries_7bb1459bd9b5c2b9: /* @__PURE__ */ __name(function(arg0) {
      const ret = Object.entries(arg0);
      return ret;
    }, "__wbg_entries_7bb1459bd9b5c2b9"),
    __wbg_findFile_01536f14dc5236f0: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1, arg2) {
        const ret = arg0.findFile(getStringFromWasm0(arg1, arg2));
        return ret;
      }, arguments);
    }, "__wbg_findFile_01536f14dc5236f0"),
    __wbg_from_eac91875c8a5ffa4: /* @__PURE__ */ __name(function(arg0) {
      const ret = Array.from(arg0);
      return ret;
    }, "__wbg_from_eac91875c8a5ffa4"),
    __wbg_get_635eea311fa1a291: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1) {
        const ret = Reflect.get(arg0, arg1);
        return ret;
      }, arguments);
    }, "__wbg_get_635eea311fa1a291"),
    __wbg_get_d7176cfb76d71114: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = arg0[arg1 >>> 0];
      return ret;
    }, "__wbg_get_d7176cfb76d71114"),
    __wbg_get_unchecked_e6325ad374eff861: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = arg0[arg1 >>> 0];
      return ret;
    }, "__wbg_get_unchecked_e6325ad374eff861"),
    __wbg_get_with_ref_key_fc601247060b7204: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = arg0[arg1];
      return ret;
    }, "__wbg_get_with_ref_key_fc601247060b7204"),
    __wbg_hasModel_fcd06f71b4094d2a: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1, arg2) {
        const ret = arg0.hasModel(getStringFromWasm0(arg1, arg2));
        return ret;
      }, arguments);
    }, "__wbg_hasModel_fcd06f71b4094d2a"),
    __wbg_id_76988c35de4f8ddf: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = arg1.id;
      const ptr1 = passStringToWasm0(ret, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
      const len1 = WASM_VECTOR_LEN;
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
    }, "__wbg_id_76988c35de4f8ddf"),
    __wbg_idle_d1e55691e43dc4fd: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1) {
        const ret = arg0.idle(arg1);
        return ret;
      }, arguments);
    }, "__wbg_idle_d1e55691e43dc4fd"),
    __wbg_infer_5debe6fb0015bb04: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1, arg2, arg3, arg4, arg5, arg6) {
        const ret = arg0.infer(getStringFromWasm0(arg1, arg2), arg3, getStringFromWasm0(arg4, arg5), arg6);
        return ret;
      }, arguments);
    }, "__wbg_infer_5debe6fb0015bb04"),
    __wbg_instanceof_ArrayBuffer_12cdaa4161423e6b: /* @__PURE__ */ __name(function(arg0) {
      let result2;
      try {
        result2 = arg0 instanceof ArrayBuffer;
      } catch (_) {
        result2 = false;
      }
      const ret = result2;
      return ret;
    }, "__wbg_instanceof_ArrayBuffer_12cdaa4161423e6b"),
    __wbg_instanceof_Map_0b4fc8b62e73f163: /* @__PURE__ */ __name(function(arg0) {
      let result2;
      try {
        result2 = arg0 instanceof Map;
      } catch (_) {
        result2 = false;
      }
      const ret = result2;
      return ret;
    }, "__wbg_instanceof_Map_0b4fc8b62e73f163"),
    __wbg_instanceof_Uint8Array_d7aeb0dcb3108fea: /* @__PURE__ */ __name(function(arg0) {
      let result2;
      try {
        result2 = arg0 instanceof Uint8Array;
      } catch (_) {
        result2 = false;
      }
      const ret = result2;
      return ret;
    }, "__wbg_instanceof_Uint8Array_d7aeb0dcb3108fea"),
    __wbg_isArray_bcf1376d0d732d08: /* @__PURE__ */ __name(function(arg0) {
      const ret = Array.isArray(arg0);
      return ret;
    }, "__wbg_isArray_bcf1376d0d732d08"),
    __wbg_isSafeInteger_1a35ba4d31e71d38: /* @__PURE__ */ __name(function(arg0) {
      const ret = Number.isSafeInteger(arg0);
      return ret;
    }, "__wbg_isSafeInteger_1a35ba4d31e71d38"),
    __wbg_iterator_e4c5e8f68ada7b58: /* @__PURE__ */ __name(function() {
      const ret = Symbol.iterator;
      return ret;
    }, "__wbg_iterator_e4c5e8f68ada7b58"),
    __wbg_kvGet_81c9ecf65a13bc14: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1, arg2) {
        const ret = arg0.kvGet(getStringFromWasm0(arg1, arg2));
        return ret;
      }, arguments);
    }, "__wbg_kvGet_81c9ecf65a13bc14"),
    __wbg_kvList_fab28bde83027120: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1, arg2, arg3, arg4, arg5, arg6) {
        let v0;
        if (arg3 !== 0) {
          v0 = getStringFromWasm0(arg3, arg4);
          wasm.__wbindgen_free(arg3, arg4 * 1, 1);
        }
        const ret = arg0.kvList(getStringFromWasm0(arg1, arg2), v0, arg5 >>> 0, arg6 !== 0);
        return ret;
      }, arguments);
    }, "__wbg_kvList_fab28bde83027120"),
    __wbg_kvWrite_711b422a9d53a11e: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1, arg2) {
        const ret = arg0.kvWrite(arg1, arg2);
        return ret;
      }, arguments);
    }, "__wbg_kvWrite_711b422a9d53a11e"),
    __wbg_length_186163212ffe79c3: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.length;
      return ret;
    }, "__wbg_length_186163212ffe79c3"),
    __wbg_length_b03a0fabb109b1e9: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.length;
      return ret;
    }, "__wbg_length_b03a0fabb109b1e9"),
    __wbg_message_51f0ccb124aeaa48: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = arg1.message;
      var ptr1 = isLikeNone(ret) ? 0 : passStringToWasm0(ret, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
      var len1 = WASM_VECTOR_LEN;
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
    }, "__wbg_message_51f0ccb124aeaa48"),
    __wbg_more_0a1ee097b10c6a9a: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.more;
      return ret;
    }, "__wbg_more_0a1ee097b10c6a9a"),
    __wbg_name_21ba867d54570b14: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = arg1.name;
      var ptr1 = isLikeNone(ret) ? 0 : passStringToWasm0(ret, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
      var len1 = WASM_VECTOR_LEN;
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
    }, "__wbg_name_21ba867d54570b14"),
    __wbg_new_13de428334042d26: /* @__PURE__ */ __name(function(arg0) {
      const ret = new Uint8Array(arg0);
      return ret;
    }, "__wbg_new_13de428334042d26"),
    __wbg_new_37eb45aaf5eeb820: /* @__PURE__ */ __name(function() {
      const ret = new Array();
      return ret;
    }, "__wbg_new_37eb45aaf5eeb820"),
    __wbg_new_64d2e6ba1a74d82a: /* @__PURE__ */ __name(function() {
      const ret = new AbortController();
      return ret;
    }, "__wbg_new_64d2e6ba1a74d82a"),
    __wbg_new_7075786089b89c5e: /* @__PURE__ */ __name(function() {
      const ret = /* @__PURE__ */ new Map();
      return ret;
    }, "__wbg_new_7075786089b89c5e"),
    __wbg_new_cd4348290afae586: /* @__PURE__ */ __name(function() {
      const ret = new Object();
      return ret;
    }, "__wbg_new_cd4348290afae586"),
    __wbg_new_from_slice_b8daf545a41c6aa0: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = new Uint8Array(getArrayU8FromWasm0(arg0, arg1));
      return ret;
    }, "__wbg_new_from_slice_b8daf545a41c6aa0"),
    __wbg_new_typed_e09da9dae6ee5935: /* @__PURE__ */ __name(function(arg0, arg1) {
      try {
        var state0 = { a: arg0, b: arg1 };
        var cb0 = /* @__PURE__ */ __name((arg02, arg12) => {
          const a = state0.a;
          state0.a = 0;
          try {
            return wasm_bindgen__convert__closures_____invoke__h301b2cd238c7dbac(a, state0.b, arg02, arg12);
          } finally {
            state0.a = a;
          }
        }, "cb0");
        const ret = new Promise(cb0);
        return ret;
      } finally {
        state0.a = 0;
      }
    }, "__wbg_new_typed_e09da9dae6ee5935"),
    __wbg_next_178c1651c11432b3: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.next;
      return ret;
    }, "__wbg_next_178c1651c11432b3"),
    __wbg_next_af5ac6a08bb0a717: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0) {
        const ret = arg0.next();
        return ret;
      }, arguments);
    }, "__wbg_next_af5ac6a08bb0a717"),
    __wbg_now_2222f31841dd3e7e: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.now();
      return ret;
    }, "__wbg_now_2222f31841dd3e7e"),
    __wbg_parse_c3f72b5a24f83c01: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1) {
        const ret = JSON.parse(getStringFromWasm0(arg0, arg1));
        return ret;
      }, arguments);
    }, "__wbg_parse_c3f72b5a24f83c01"),
    __wbg_prototypesetcall_13162965d1fe7aa3: /* @__PURE__ */ __name(function(arg0, arg1, arg2) {
      Uint8Array.prototype.set.call(getArrayU8FromWasm0(arg0, arg1), arg2);
    }, "__wbg_prototypesetcall_13162965d1fe7aa3"),
    __wbg_push_c9f4893fc209f768: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = arg0.push(arg1);
      return ret;
    }, "__wbg_push_c9f4893fc209f768"),
    __wbg_queueMicrotask_1e8503a8a690f0a3: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.queueMicrotask;
      return ret;
    }, "__wbg_queueMicrotask_1e8503a8a690f0a3"),
    __wbg_queueMicrotask_4a1a4d8dd332373b: /* @__PURE__ */ __name(function(arg0) {
      queueMicrotask(arg0);
    }, "__wbg_queueMicrotask_4a1a4d8dd332373b"),
    __wbg_random_ca68f78f5b078d62: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.random();
      return ret;
    }, "__wbg_random_ca68f78f5b078d62"),
    __wbg_readFile_3ce4e9f2fc060eed: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1, arg2, arg3, arg4) {
        const ret = arg0.readFile(getStringFromWasm0(arg1, arg2), arg3, arg4);
        return ret;
      }, arguments);
    }, "__wbg_readFile_3ce4e9f2fc060eed"),
    __wbg_requestId_daf43fe169cec78f: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = arg1.requestId;
      var ptr1 = isLikeNone(ret) ? 0 : passStringToWasm0(ret, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
      var len1 = WASM_VECTOR_LEN;
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
    }, "__wbg_requestId_daf43fe169cec78f"),
    __wbg_resolve_dbf78ab4942478b0: /* @__PURE__ */ __name(function(arg0) {
      const ret = Promise.resolve(arg0);
      return ret;
    }, "__wbg_resolve_dbf78ab4942478b0"),
    __wbg_retryAfterMs_6ad9a05731fd6de8: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = arg1.retryAfterMs;
      getDataViewMemory0().setFloat64((arg0 >>> 0) + 8 * 1, isLikeNone(ret) ? 0 : ret, true);
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, !isLikeNone(ret), true);
    }, "__wbg_retryAfterMs_6ad9a05731fd6de8"),
    __wbg_set_2793479888329cb6: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1, arg2) {
        const ret = Reflect.set(arg0, arg1, arg2);
        return ret;
      }, arguments);
    }, "__wbg_set_2793479888329cb6"),
    __wbg_set_8282f7e0d2d01336: /* @__PURE__ */ __name(function(arg0, arg1, arg2) {
      const ret = arg0.set(arg1, arg2);
      return ret;
    }, "__wbg_set_8282f7e0d2d01336"),
    __wbg_set_d2d33b52458e984a: /* @__PURE__ */ __name(function(arg0, arg1, arg2) {
      arg0[arg1 >>> 0] = arg2;
    }, "__wbg_set_d2d33b52458e984a"),
    __wbg_set_e4b9a833d288759a: /* @__PURE__ */ __name(function(arg0, arg1, arg2) {
      arg0[arg1] = arg2;
    }, "__wbg_set_e4b9a833d288759a"),
    __wbg_signal_92e87471630a974f: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.signal;
      return ret;
    }, "__wbg_signal_92e87471630a974f"),
    __wbg_sleep_ba1c0375edb791f5: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1) {
        const ret = arg0.sleep(arg1);
        return ret;
      }, arguments);
    }, "__wbg_sleep_ba1c0375edb791f5"),
    __wbg_static_accessor_GLOBAL_THIS_003ee833af9699fc: /* @__PURE__ */ __name(function() {
      const ret = typeof globalThis === "undefined" ? void 0 : globalThis;
      return isLikeNone(ret) ? 0 : addToExternrefTable0(ret);
    }, "__wbg_static_accessor_GLOBAL_THIS_003ee833af9699fc"),
    __wbg_static_accessor_GLOBAL_e4293fb22cbe77da: /* @__PURE__ */ __name(function() {
      const ret = typeof global === "undefined" ? void 0 : global;
      return isLikeNone(ret) ? 0 : addToExternrefTable0(ret);
    }, "__wbg_static_accessor_GLOBAL_e4293fb22cbe77da"),
    __wbg_static_accessor_SELF_53bb20457401453d: /* @__PURE__ */ __name(function() {
      const ret = typeof self === "undefined" ? void 0 : self;
      return isLikeNone(ret) ? 0 : addToExternrefTable0(ret);
    }, "__wbg_static_accessor_SELF_53bb20457401453d"),
    __wbg_static_accessor_WINDOW_b5e0810bfecb7feb: /* @__PURE__ */ __name(function() {
      const ret = typeof window === "undefined" ? void 0 : window;
      return isLikeNone(ret) ? 0 : addToExternrefTable0(ret);
    }, "__wbg_static_accessor_WINDOW_b5e0810bfecb7feb"),
    __wbg_status_9bbc32fb9c06196c: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.status;
      return ret;
    }, "__wbg_status_9bbc32fb9c06196c"),
    __wbg_stopRequested_f202308d2723c249: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.stopRequested();
      return ret;
    }, "__wbg_stopRequested_f202308d2723c249"),
    __wbg_then_656f253a5dd7d8ea: /* @__PURE__ */ __name(function(arg0, arg1, arg2) {
      const ret = arg0.then(arg1, arg2);
      return ret;
    }, "__wbg_then_656f253a5dd7d8ea"),
    __wbg_then_e3f7f2d365708be8: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = arg0.then(arg1);
      return ret;
    }, "__wbg_then_e3f7f2d365708be8"),
    __wbg_value_e0f328965e184931: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0.value;
      return ret;
    }, "__wbg_value_e0f328965e184931"),
    __wbg_write_c63e1f66d4f5a1d9: /* @__PURE__ */ __name(function() {
      return handleError(function(arg0, arg1) {
        const ret = arg0.write(arg1);
        return ret;
      }, arguments);
    }, "__wbg_write_c63e1f66d4f5a1d9"),
    __wbindgen_generic_0000000000000001: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = makeMutClosure(arg0, arg1, wasm_bindgen__convert__closures_____invoke__h540d5cdce0ff6e07);
      return ret;
    }, "__wbindgen_generic_0000000000000001"),
    __wbindgen_generic_0000000000000002: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = makeMutClosure(arg0, arg1, wasm_bindgen__convert__closures_____invoke__h166e53edb9435eb7);
      return ret;
    }, "__wbindgen_generic_0000000000000002"),
    __wbindgen_generic_0000000000000003: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = makeMutClosure(arg0, arg1, wasm_bindgen__convert__closures_____invoke__h166e53edb9435eb7_16);
      return ret;
    }, "__wbindgen_generic_0000000000000003"),
    __wbindgen_generic_0000000000000004: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0;
      return ret;
    }, "__wbindgen_generic_0000000000000004"),
    __wbindgen_generic_0000000000000005: /* @__PURE__ */ __name(function(arg0) {
      const ret = arg0;
      return ret;
    }, "__wbindgen_generic_0000000000000005"),
    __wbindgen_generic_0000000000000006: /* @__PURE__ */ __name(function(arg0, arg1) {
      const ret = getStringFromWasm0(arg0, arg1);
      return ret;
    }, "__wbindgen_generic_0000000000000006"),
    __wbindgen_generic_0000000000000007: /* @__PURE__ */ __name(function(arg0) {
      const ret = BigInt.asUintN(64, arg0);
      return ret;
    }, "__wbindgen_generic_0000000000000007"),
    __wbindgen_init_externref_table: /* @__PURE__ */ __name(function() {
      const table = wasm.__wbindgen_externrefs;
      table.set(0, void 0);
      table.set(1024, void 0);
      table.set(1025, null);
      table.set(1026, true);
      table.set(1027, false);
    }, "__wbindgen_init_externref_table")
  };
  return {
    __proto__: null,
    "./edgebatch_bg.js": import0
  };
}
__name(__wbg_get_imports, "__wbg_get_imports");
function __wbg_call_guard() {
  if (__wbg_reinit_scheduled) {
    __wbg_reset_state();
    return;
  }
}
__name(__wbg_call_guard, "__wbg_call_guard");
function wasm_bindgen__convert__closures_____invoke__h540d5cdce0ff6e07(arg0, arg1, arg2) {
  let ret;
  __wbg_call_guard();
  ret = wasm.wasm_bindgen__convert__closures_____invoke__h540d5cdce0ff6e07(arg0, arg1, arg2);
  if (ret[1]) {
    throw takeFromExternrefTable0(ret[0]);
  }
}
__name(wasm_bindgen__convert__closures_____invoke__h540d5cdce0ff6e07, "wasm_bindgen__convert__closures_____invoke__h540d5cdce0ff6e07");
function wasm_bindgen__convert__closures_____invoke__h166e53edb9435eb7(arg0, arg1, arg2) {
  let ret;
  __wbg_call_guard();
  ret = wasm.wasm_bindgen__convert__closures_____invoke__h166e53edb9435eb7(arg0, arg1, arg2);
  if (ret[1]) {
    throw takeFromExternrefTable0(ret[0]);
  }
}
__name(wasm_bindgen__convert__closures_____invoke__h166e53edb9435eb7, "wasm_bindgen__convert__closures_____invoke__h166e53edb9435eb7");
function wasm_bindgen__convert__closures_____invoke__h166e53edb9435eb7_16(arg0, arg1, arg2) {
  let ret;
  __wbg_call_guard();
  ret = wasm.wasm_bindgen__convert__closures_____invoke__h166e53edb9435eb7_16(arg0, arg1, arg2);
  if (ret[1]) {
    throw takeFromExternrefTable0(ret[0]);
  }
}
__name(wasm_bindgen__convert__closures_____invoke__h166e53edb9435eb7_16, "wasm_bindgen__convert__closures_____invoke__h166e53edb9435eb7_16");
function wasm_bindgen__convert__closures_____invoke__h301b2cd238c7dbac(arg0, arg1, arg2, arg3) {
  __wbg_call_guard();
  wasm.wasm_bindgen__convert__closures_____invoke__h301b2cd238c7dbac(arg0, arg1, arg2, arg3);
}
__name(wasm_bindgen__convert__closures_____invoke__h301b2cd238c7dbac, "wasm_bindgen__convert__closures_____invoke__h301b2cd238c7dbac");
var __wbg_instance_id = 0;
var InputReaderFinalization = typeof FinalizationRegistry === "undefined" ? { register: /* @__PURE__ */ __name(() => {
}, "register"), unregister: /* @__PURE__ */ __name(() => {
}, "unregister") } : new FinalizationRegistry(({ ptr, instance }) => {
  if (instance === __wbg_instance_id) wasm.__wbg_inputreader_free(ptr, 1);
});
var ValidatorFinalization = typeof FinalizationRegistry === "undefined" ? { register: /* @__PURE__ */ __name(() => {
}, "register"), unregister: /* @__PURE__ */ __name(() => {
}, "unregister") } : new FinalizationRegistry(({ ptr, instance }) => {
  if (instance === __wbg_instance_id) wasm.__wbg_validator_free(ptr, 1);
});
function addToExternrefTable0(obj) {
  const idx = wasm.__externref_table_alloc();
  wasm.__wbindgen_externrefs.set(idx, obj);
  return idx;
}
__name(addToExternrefTable0, "addToExternrefTable0");
var CLOSURE_DTORS = typeof FinalizationRegistry === "undefined" ? { register: /* @__PURE__ */ __name(() => {
}, "register"), unregister: /* @__PURE__ */ __name(() => {
}, "unregister") } : new FinalizationRegistry((state) => {
  if (state.instance === __wbg_instance_id) {
    wasm.__wbindgen_destroy_closure(state.a, state.b);
  }
});
function debugString(val) {
  switch (typeof val) {
    // primitive types
    case "number":
    case "boolean":
    case "undefined":
      return `${val}`;
    case "string":
      return JSON.stringify(val);
    case "bigint":
      return `${val}n`;
    case "symbol":
      return val.description !== void 0 ? `Symbol(${val.description})` : "Symbol";
    case "function":
      return typeof val.name === "string" && val.name !== "" ? `Function(${val.name})` : "Function";
    case "object": {
      if (val === null) {
        return "null";
      }
      if (Array.isArray(val)) {
        return "[" + Array.from(val, debugString).join(", ") + "]";
      }
      if (val instanceof Error) {
        return `${val.name}: ${val.message}
${val.stack}`;
      }
      const toStringOutput = toString.call(val);
      const className = /\[object ([^\]]+)\]/.exec(toStringOutput)?.[1];
      if (className === void 0) {
        return toStringOutput;
      }
      if (className === "Object") {
        try {
          return "Object(" + JSON.stringify(val) + ")";
        } catch (_) {
          return "Object";
        }
      }
      return className;
    }
  }
}
__name(debugString, "debugString");
function getArrayU8FromWasm0(ptr, len) {
  ptr = ptr >>> 0;
  return getUint8ArrayMemory0().subarray(ptr / 1, ptr / 1 + len);
}
__name(getArrayU8FromWasm0, "getArrayU8FromWasm0");
var cachedDataViewMemory0 = null;
function getDataViewMemory0() {
  if (cachedDataViewMemory0 === null || cachedDataViewMemory0.buffer.detached === true || cachedDataViewMemory0.buffer.detached === void 0 && cachedDataViewMemory0.buffer !== wasm.memory.buffer) {
    cachedDataViewMemory0 = new DataView(wasm.memory.buffer);
  }
  return cachedDataViewMemory0;
}
__name(getDataViewMemory0, "getDataViewMemory0");
function getStringFromWasm0(ptr, len) {
  ptr = ptr >>> 0;
  return decodeText(getUint8ArrayMemory0().subarray(ptr, ptr + len));
}
__name(getStringFromWasm0, "getStringFromWasm0");
var cachedUint8ArrayMemory0 = null;
function getUint8ArrayMemory0() {
  if (cachedUint8ArrayMemory0 === null || cachedUint8ArrayMemory0.byteLength === 0) {
    cachedUint8ArrayMemory0 = new Uint8Array(wasm.memory.buffer);
  }
  return cachedUint8ArrayMemory0;
}
__name(getUint8ArrayMemory0, "getUint8ArrayMemory0");
function handleError(f, args) {
  try {
    return f.apply(this, args);
  } catch (e) {
    const idx = addToExternrefTable0(e);
    wasm.__wbindgen_exn_store(idx);
  }
}
__name(handleError, "handleError");
function isLikeNone(x) {
  return x === void 0 || x === null;
}
__name(isLikeNone, "isLikeNone");
function makeMutClosure(arg0, arg1, f) {
  const state = { a: arg0, b: arg1, cnt: 1, instance: __wbg_instance_id };
  const real = /* @__PURE__ */ __name((...args) => {
    if (state.instance !== __wbg_instance_id) {
      throw new Error("Cannot invoke closure from previous WASM instance");
    }
    state.cnt++;
    const a = state.a;
    state.a = 0;
    try {
      return f(a, state.b, ...args);
    } finally {
      state.a = a;
      real._wbg_cb_unref();
    }
  }, "real");
  real._wbg_cb_unref = () => {
    if (--state.cnt === 0) {
      wasm.__wbindgen_destroy_closure(state.a, state.b);
      state.a = 0;
      CLOSURE_DTORS.unregister(state);
    }
  };
  CLOSURE_DTORS.register(real, state, state);
  return real;
}
__name(makeMutClosure, "makeMutClosure");
function passArray8ToWasm0(arg, malloc) {
  const ptr = malloc(arg.length * 1, 1) >>> 0;
  getUint8ArrayMemory0().set(arg, ptr / 1);
  WASM_VECTOR_LEN = arg.length;
  return ptr;
}
__name(passArray8ToWasm0, "passArray8ToWasm0");
function passStringToWasm0(arg, malloc, realloc) {
  if (realloc === void 0) {
    const buf = cachedTextEncoder.encode(arg);
    const ptr2 = malloc(buf.length, 1) >>> 0;
    getUint8ArrayMemory0().subarray(ptr2, ptr2 + buf.length).set(buf);
    WASM_VECTOR_LEN = buf.length;
    return ptr2;
  }
  let len = arg.length;
  let ptr = malloc(len, 1) >>> 0;
  const mem = getUint8ArrayMemory0();
  let offset = 0;
  for (; offset < len; offset++) {
    const code = arg.charCodeAt(offset);
    if (code > 127) break;
    mem[ptr + offset] = code;
  }
  if (offset !== len) {
    if (offset !== 0) {
      arg = arg.slice(offset);
    }
    ptr = realloc(ptr, len, len = offset + arg.length * 3, 1) >>> 0;
    const view = getUint8ArrayMemory0().subarray(ptr + offset, ptr + len);
    const ret = cachedTextEncoder.encodeInto(arg, view);
    offset += ret.written;
    ptr = realloc(ptr, len, offset, 1) >>> 0;
  }
  WASM_VECTOR_LEN = offset;
  return ptr;
}
__name(passStringToWasm0, "passStringToWasm0");
var __wbg_reinit_scheduled = false;
function takeFromExternrefTable0(idx) {
  const value = wasm.__wbindgen_externrefs.get(idx);
  wasm.__externref_table_dealloc(idx);
  return value;
}
__name(takeFromExternrefTable0, "takeFromExternrefTable0");
var cachedTextDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
cachedTextDecoder.decode();
var MAX_SAFARI_DECODE_BYTES = 2146435072;
var numBytesDecoded = 0;
function decodeText(bytes2) {
  numBytesDecoded += bytes2.length;
  if (numBytesDecoded >= MAX_SAFARI_DECODE_BYTES) {
    cachedTextDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
    cachedTextDecoder.decode();
    numBytesDecoded = bytes2.length;
  }
  return cachedTextDecoder.decode(bytes2);
}
__name(decodeText, "decodeText");
var cachedTextEncoder = new TextEncoder();
if (!("encodeInto" in cachedTextEncoder)) {
  cachedTextEncoder.encodeInto = function(arg, view) {
    const buf = cachedTextEncoder.encode(arg);
    view.set(buf);
    return {
      read: arg.length,
      written: buf.length
    };
  };
}
var WASM_VECTOR_LEN = 0;
var wasmModule;
var wasmInstance;
var wasm;
function __wbg_finalize_init(instance, module2) {
  wasmInstance = instance;
  wasm = instance.exports;
  wasmModule = module2;
  cachedDataViewMemory0 = null;
  cachedUint8ArrayMemory0 = null;
  wasm.__wbindgen_start();
  return wasm;
}
__name(__wbg_finalize_init, "__wbg_finalize_init");
async function __wbg_load(module2, imports) {
  if (typeof Response === "function" && module2 instanceof Response) {
    if (!module2.ok) {
      throw new Error(`failed to fetch Wasm: ${module2.status} ${module2.statusText} fetching '${module2.url}'`);
    }
    if (typeof WebAssembly.instantiateStreaming === "function") {
      try {
        return await WebAssembly.instantiateStreaming(module2, imports);
      } catch (e) {
        const validResponse = expectedResponseType(module2.type);
        if (validResponse && module2.headers.get("Content-Type") !== "application/wasm") {
          console.warn("`WebAssembly.instantiateStreaming` failed because your server does not serve Wasm with `application/wasm` MIME type. Falling back to `WebAssembly.instantiate` which is slower. Original error:\n", e);
        } else {
          throw e;
        }
      }
    }
    const bytes2 = await module2.arrayBuffer();
    return await WebAssembly.instantiate(bytes2, imports);
  } else {
    const instance = await WebAssembly.instantiate(module2, imports);
    if (instance instanceof WebAssembly.Instance) {
      return { instance, module: module2 };
    } else {
      return instance;
    }
  }
  function expectedResponseType(type) {
    switch (type) {
      case "basic":
      case "cors":
      case "default":
        return true;
    }
    return false;
  }
  __name(expectedResponseType, "expectedResponseType");
}
__name(__wbg_load, "__wbg_load");
function initSync(module2) {
  if (wasm !== void 0) return wasm;
  if (module2 !== void 0) {
    if (Object.getPrototypeOf(module2) === Object.prototype) {
      ({ module: module2 } = module2);
    } else {
      console.warn("using deprecated parameters for `initSync()`; pass a single object instead");
    }
  }
  const imports = __wbg_get_imports();
  if (!(module2 instanceof WebAssembly.Module)) {
    module2 = new WebAssembly.Module(module2);
  }
  const instance = new WebAssembly.Instance(module2, imports);
  return __wbg_finalize_init(instance, module2);
}
__name(initSync, "initSync");
var __wbg_init_promise;
async function __wbg_init(module_or_path) {
  if (wasm !== void 0) return wasm;
  if (__wbg_init_promise === void 0) {
    __wbg_init_promise = __wbg_init_once(module_or_path);
    __wbg_init_promise.catch(() => {
      __wbg_init_promise = void 0;
    });
  }
  return __wbg_init_promise;
}
__name(__wbg_init, "__wbg_init");
async function __wbg_init_once(module_or_path) {
  if (module_or_path !== void 0) {
    if (Object.getPrototypeOf(module_or_path) === Object.prototype) {
      ({ module_or_path } = module_or_path);
    } else {
      console.warn("using deprecated parameters for the initialization function; pass a single object instead");
    }
  }
  if (module_or_path === void 0) {
    module_or_path = new URL("edgebatch_bg.wasm", import.meta.url);
  }
  const imports = __wbg_get_imports();
  if (typeof module_or_path === "string" || typeof Request === "function" && module_or_path instanceof Request || typeof URL === "function" && module_or_path instanceof URL) {
    module_or_path = fetch(module_or_path);
  }
  const { instance, module: module2 } = await __wbg_load(await module_or_path, imports);
  return __wbg_finalize_init(instance, module2);
}
__name(__wbg_init_once, "__wbg_init_once");

// js/entry/workerd.ts
import module from "./da4b1b78408715c5625513164b0a91fe86df5222-edgebatch_bg.wasm";

// js/host.ts
var maxPage = 1e3;
var HostBinding = class {
  static {
    __name(this, "HostBinding");
  }
  #adapters;
  #clock;
  #stopping = false;
  #wakers = /* @__PURE__ */ new Set();
  constructor(adapters, clock = Date.now) {
    this.#adapters = adapters;
    this.#clock = clock;
  }
  /** Ends every `idle` at once: there may be something to do. */
  wake() {
    for (const waker of [...this.#wakers]) waker();
  }
  /** Turns under way finish what is in flight and end; `serve` resolves after them. */
  stop() {
    this.#stopping = true;
    this.wake();
  }
  /** Lets a stopped binding serve again. */
  resume() {
    this.#stopping = false;
  }
  now() {
    return this.#clock();
  }
  random() {
    return crypto.getRandomValues(new BigUint64Array(1))[0];
  }
  sleep(ms) {
    return new Promise((resolve) => setTimeout(resolve, Math.min(ms, 2147483647)));
  }
  idle(ms) {
    return new Promise((resolve) => {
      const done = /* @__PURE__ */ __name(() => {
        clearTimeout(timer);
        this.#wakers.delete(done);
        resolve();
      }, "done");
      const timer = setTimeout(done, ms);
      if (typeof timer === "object") timer.unref();
      this.#wakers.add(done);
      if (this.#stopping) done();
    });
  }
  stopRequested() {
    return this.#stopping;
  }
  kvGet(key) {
    return this.#adapters.kv.get(key);
  }
  async kvWrite(keys2, values) {
    const { kv } = this.#adapters;
    const ops = keys2.map((key, i) => {
      const value = values[i];
      return value ? { type: "set", key, value } : { type: "delete", key };
    });
    if (kv.batch && ops.length > 1) return kv.batch(ops);
    for (const op of ops) {
      if (op.type === "set") await kv.set(op.key, op.value);
      else await kv.delete(op.key);
    }
  }
  kvList(prefix, after, limit, reverse) {
    const query = { prefix, limit: Math.min(limit, maxPage), reverse };
    return this.#adapters.kv.list(after === void 0 ? query : { ...query, after });
  }
  findFile(id) {
    return this.#adapters.files.retrieve(id);
  }
  readFile(id, offset, length) {
    return this.#adapters.files.read(id, offset, length);
  }
  createFile(id, filename) {
    return this.#adapters.files.create({ filename, purpose: "batch_output", id });
  }
  infer(url, body, idempotencyKey, signal) {
    return this.#adapters.inference.infer({ url, body, idempotencyKey }, signal);
  }
  hasModel(model2) {
    return this.#adapters.models.has(model2);
  }
};

// js/settings.ts
function coreSettings(options) {
  const entries = Object.entries(options).filter(([, value]) => value !== void 0);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, name === "limits" ? coreSettings(value) : value])
  );
}
__name(coreSettings, "coreSettings");

// js/batches.ts
var Batches = class {
  static {
    __name(this, "Batches");
  }
  #host;
  #settings;
  #creating = Promise.resolve();
  #serving;
  constructor(options) {
    const { kv, files, inference: inference2, models: models2, autostart = true, ...settings } = options;
    checkCaps(kv);
    this.#settings = coreSettings(settings);
    this.#host = new HostBinding({ kv, files, inference: inference2, models: models2 });
    if (autostart) this.start();
  }
  /**
   * Creates a batch over a file, which is not looked at before validation.
   * @throws InvalidRequestError for bad parameters, ConflictError for an idempotency key used otherwise.
   */
  create(params) {
    const created = this.#creating.then(
      () => translated(core().createBatch(this.#host, params, this.#settings))
    );
    this.#creating = created.catch(() => {
    }).then(() => this.#host.sleep(1));
    return created.finally(() => this.#host.wake());
  }
  /** The batch as it stands. @throws ResourceNotFoundError */
  retrieve(id) {
    return translated(core().retrieveBatch(this.#host, id, this.#settings));
  }
  /**
   * Asks for a batch to be cancelled; what ran already is kept in its files.
   * @throws ResourceNotFoundError, ConflictError when it has completed, failed or expired.
   */
  cancel(id) {
    return translated(core().cancelBatch(this.#host, id, this.#settings)).finally(() => this.#host.wake());
  }
  /** A page of batches, newest first; `after` is the last id of the page before. @throws InvalidRequestError */
  list(params = {}) {
    return translated(core().listBatches(this.#host, defined(params)));
  }
  /**
   * Checks a stored file as a batch over it would: every error of it (the first 1,000 kept), and its good requests.
   * A missing file is an error in the result.
   */
  async validateInput(input) {
    const open = /* @__PURE__ */ __name(() => {
      return new (core()).InputReader(this.#host, input.input_file_id, input.endpoint, this.#settings);
    }, "open");
    const reader = open();
    try {
      let report = null;
      while (!report) ({ report } = await translated(reader.next(false)));
      return { ...report, requests: { [Symbol.asyncIterator]: () => walk(open()) } };
    } finally {
      reader.free();
    }
  }
  /** Runs batches in the background, if it does not already. */
  start() {
    this.#host.resume();
    this.#serving ??= core().serve(this.#host, this.#settings).finally(() => {
      this.#serving = void 0;
    });
  }
  /**
   * Stops the background run: nothing new starts, what is in flight ends and is stored. A later `start`, here or
   * in another process, goes on from there.
   */
  async stop() {
    this.#host.stop();
    await this.#serving;
  }
  /** Resolves once the background run has stopped, by {@link stop} or because of a fault; at once when there is none. */
  async served() {
    await this.#serving;
  }
  /**
   * Runs one turn of one batch in the foreground, until it ends or `deadline` (Unix milliseconds) passes. For hosts
   * that give out time in slices; not beside `start`.
   */
  runTurn(id, options = {}) {
    return translated(core().runTurn(this.#host, id, this.#settings, options.deadline));
  }
  /** Waits until a batch is completed, failed, expired or cancelled. `onProgress` is told whenever it changed. */
  async wait(id, options = {}) {
    const { pollMs = 100, signal, onProgress } = options;
    let seen = "";
    for (; ; ) {
      signal?.throwIfAborted();
      const batch = await this.retrieve(id);
      const now2 = JSON.stringify(batch);
      if (now2 !== seen) onProgress?.(batch);
      seen = now2;
      if (["completed", "failed", "expired", "cancelled"].includes(batch.status)) return batch;
      await this.#host.sleep(pollMs);
    }
  }
};
function checkCaps(kv) {
  if (kv.caps.maxValue < 2e6) {
    throw new Error(
      `edgebatch: values of 2,000,000 bytes must fit the store; this one takes ${kv.caps.maxValue}`
    );
  }
  if (kv.caps.consistency !== "strong") {
    console.warn(
      "edgebatch: this store may answer with stale values; a batch may then be lost or run twice. Use a consistent one."
    );
  }
}
__name(checkCaps, "checkCaps");
async function* walk(reader) {
  try {
    for (; ; ) {
      const { requests, report } = await translated(reader.next(true));
      yield* requests;
      if (report) return;
    }
  } finally {
    reader.free();
  }
}
__name(walk, "walk");
async function translated(call) {
  try {
    return await call;
  } catch (thrown) {
    throw isApiErrorFields(thrown) ? apiError(thrown) : thrown;
  }
}
__name(translated, "translated");
function defined(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== void 0));
}
__name(defined, "defined");

// js/entry/workerd.ts
initSync({ module });
setCore(edgebatch_exports);

// js/hosts/durable-object.ts
var MAX_VALUE = 2e6;
var DurableObjectKV = class {
  static {
    __name(this, "DurableObjectKV");
  }
  caps = { consistency: "strong", atomic: true, maxValue: MAX_VALUE };
  #storage;
  constructor(storage) {
    this.#storage = storage;
    storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS kv (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
    );
  }
  async get(key) {
    for (const row of this.#exec("SELECT value FROM kv WHERE key = ?", encode(key))) return bytes(row.value);
    return null;
  }
  async set(key, value) {
    this.#put(key, value);
  }
  async delete(key) {
    this.#remove(key);
  }
  async list(query) {
    const { limit = 1e3, reverse = false } = query;
    const prefix = encode(query.prefix);
    const end = prefixEnd(prefix);
    const conditions = ["key >= ?"];
    const values = [prefix];
    if (end !== void 0) {
      conditions.push("key < ?");
      values.push(end);
    }
    if (query.after !== void 0) {
      conditions.push(reverse ? "key < ?" : "key > ?");
      values.push(encode(query.after));
    }
    const scan = `SELECT key, value FROM kv WHERE ${conditions.join(" AND ")} ORDER BY key ${reverse ? "DESC" : "ASC"}`;
    const entries = [];
    for (const row of this.#exec(`${scan} LIMIT ?`, ...values, limit + 1)) {
      if (entries.length === limit) return { entries, more: true };
      entries.push([decoder2.decode(bytes(row.key)), bytes(row.value)]);
    }
    return { entries, more: false };
  }
  async batch(ops) {
    this.#storage.transactionSync(() => {
      for (const op of ops) {
        if (op.type === "set") this.#put(op.key, op.value);
        else this.#remove(op.key);
      }
    });
  }
  #put(key, value) {
    if (value.length > MAX_VALUE) {
      throw new RangeError(`The value of '${key}' has ${value.length} bytes; at most ${MAX_VALUE} are kept.`);
    }
    this.#exec("INSERT OR REPLACE INTO kv (key, value) VALUES (?, ?)", encode(key), value);
  }
  #remove(key) {
    this.#exec("DELETE FROM kv WHERE key = ?", encode(key));
  }
  #exec(query, ...bindings) {
    return this.#storage.sql.exec(query, ...bindings);
  }
};
var encoder3 = new TextEncoder();
var decoder2 = new TextDecoder("utf-8", { ignoreBOM: true });
function encode(key) {
  return encoder3.encode(key);
}
__name(encode, "encode");
function bytes(value) {
  return new Uint8Array(value);
}
__name(bytes, "bytes");
function prefixEnd(prefix) {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 255) length--;
  if (length === 0) return void 0;
  const end = prefix.slice(0, length);
  end[length - 1] = end[length - 1] + 1;
  return end;
}
__name(prefixEnd, "prefixEnd");

// js/worker/runner-kv.ts
var CANCEL_ASK_MS = 5e3;
var RunnerKV = class {
  static {
    __name(this, "RunnerKV");
  }
  /** Writes are carried out in order, those that follow each other in one place all or nothing. */
  caps = { consistency: "strong", atomic: false, maxValue: 2e6 };
  #own;
  #tenant;
  #batchId;
  #turn;
  #cancelled;
  #askedAt = 0;
  constructor(options) {
    this.#own = new DurableObjectKV(options.storage);
    this.#tenant = options.tenant;
    this.#batchId = options.batchId;
    this.#turn = options.turn;
    this.#cancelled = options.cancelled;
  }
  /** The next look for a wish to cancel goes to the Tenant. */
  noticeCancel() {
    this.#cancelled = true;
  }
  async get(key) {
    if (isOwn(key)) {
      const value = await this.#own.get(key);
      return value === null && key.startsWith("run:") ? this.#tenant().runnerGet(this.#batchId, key) : value;
    }
    if (key.startsWith("cancel:") && !this.#cancelled) {
      if (Date.now() - this.#askedAt < CANCEL_ASK_MS) return null;
      this.#askedAt = Date.now();
    }
    return this.#tenant().runnerGet(this.#batchId, key);
  }
  set(key, value) {
    return this.batch([{ type: "set", key, value }]);
  }
  delete(key) {
    return this.batch([{ type: "delete", key }]);
  }
  list(query) {
    if (!isOwn(query.prefix)) throw new Error(`a turn does not list '${query.prefix}'`);
    return this.#own.list(query);
  }
  async batch(ops) {
    for (let from = 0; from < ops.length; ) {
      const own = isOwn(ops[from].key);
      let to = from + 1;
      while (to < ops.length && isOwn(ops[to].key) === own) to++;
      const run = ops.slice(from, to);
      from = to;
      if (!own) {
        await this.#tenant().runnerWrite(this.#batchId, this.#turn, run);
        continue;
      }
      const ended = run.filter((op) => op.type === "delete" && op.key.startsWith("run:"));
      if (ended.length > 0) await this.#tenant().runnerWrite(this.#batchId, this.#turn, ended);
      await this.#own.batch(run);
    }
  }
};
function isOwn(key) {
  return key.startsWith("run:") || key.startsWith("result:") || key.startsWith("large:");
}
__name(isOwn, "isOwn");

// js/worker/runner.ts
var TURN_MS = 12e4;
var DEAD_MAN_MS = 12e3;
var RENEW_MS = 4e3;
var REST_MS = 6e5;
var Runner = class extends DurableObject {
  static {
    __name(this, "Runner");
  }
  #running = false;
  #cancelled = false;
  #kv;
  /** The batch is to run. Saying it again changes nothing. */
  async start(tenant, batchId) {
    this.#makeTable();
    this.#exec("INSERT OR IGNORE INTO job (tenant, batch, turn) VALUES (?, ?, 0)", tenant, batchId);
    if (!this.#running) await this.ctx.storage.setAlarm(Date.now());
  }
  /** The batch is to be cancelled: a turn under way sees it within a second. */
  async cancel(tenant, batchId) {
    this.#cancelled = true;
    this.#kv?.noticeCancel();
    await this.start(tenant, batchId);
  }
  /** One turn. Never throws: a failed alarm is tried again a few times, and then forgotten. */
  async alarm() {
    const job = this.#job();
    if (!job) return;
    if (this.#running) return;
    this.#running = true;
    const { storage } = this.ctx;
    const renew = /* @__PURE__ */ __name(() => storage.setAlarm(Date.now() + DEAD_MAN_MS), "renew");
    let renewing;
    try {
      await renew();
      renewing = setInterval(() => renew().catch((error) => logError("runner.renew", error)), RENEW_MS);
      const end = await this.#turn(job);
      clearInterval(renewing);
      await this.#ended(job, end);
    } catch (error) {
      clearInterval(renewing);
      await this.#failed(job, error);
    } finally {
      this.#running = false;
      this.#kv = void 0;
    }
  }
  async #turn({ tenant: tenantName, batchId }) {
    const { env, ctx } = this;
    const { storage } = ctx;
    this.#exec("UPDATE job SET turn = turn + 1");
    const [{ turn } = { turn: 0 }] = [...this.#exec("SELECT turn FROM job")];
    const tenant = /* @__PURE__ */ __name(() => this.#tenant(tenantName), "tenant");
    this.#kv = new RunnerKV({ storage, tenant, batchId, turn, cancelled: this.#cancelled });
    const batches = new Batches({
      ...serviceSettings(env),
      kv: this.#kv,
      files: new RunnerFiles({ bucket: env.FILES, tenant, tenantName, batchId }),
      inference: inference(env),
      models: models(env)
    });
    return batches.runTurn(batchId, { deadline: Date.now() + TURN_MS });
  }
  async #ended(job, end) {
    const { storage } = this.ctx;
    if (end.state === "terminal") {
      await this.#tenant(job.tenant).runnerEnded(job.batchId);
      log("batch.ended", { tenant: job.tenant, batch: job.batchId });
      await storage.deleteAlarm();
      await storage.deleteAll();
      return;
    }
    if (end.state === "faulted") {
      const { message, wakeAt } = end;
      log("batch.faulted", { tenant: job.tenant, batch: job.batchId, message, wake_at: wakeAt });
    }
    await storage.setAlarm(Math.max(end.wakeAt ?? 0, Date.now()));
  }
  /** A defect, a checkpoint of a later build, or a Tenant that cannot be reached. */
  async #failed(job, error) {
    const wakeAt = Date.now() + REST_MS;
    logError("batch.turn", error, { tenant: job.tenant, batch: job.batchId });
    try {
      await this.#tenant(job.tenant).runnerRests(job.batchId, wakeAt);
      await this.ctx.storage.deleteAlarm();
    } catch (second) {
      logError("batch.rest", second, { tenant: job.tenant, batch: job.batchId });
    }
  }
  #job() {
    this.#makeTable();
    for (const row of this.#exec("SELECT tenant, batch FROM job")) {
      return { tenant: row.tenant, batchId: row.batch };
    }
    return null;
  }
  /** Not in the constructor: an object that has ended is empty, and may be started again. */
  #makeTable() {
    this.#exec(
      "CREATE TABLE IF NOT EXISTS job (batch TEXT PRIMARY KEY, tenant TEXT NOT NULL, turn INTEGER NOT NULL) WITHOUT ROWID"
    );
  }
  #tenant(name) {
    return this.env.TENANTS.getByName(name);
  }
  #exec(query, ...bindings) {
    return this.ctx.storage.sql.exec(query, ...bindings);
  }
};

// js/worker/tenant.ts
import { DurableObject as DurableObject2 } from "cloudflare:workers";

// js/worker/file-index.ts
var FileIndex = class {
  static {
    __name(this, "FileIndex");
  }
  #storage;
  constructor(storage) {
    this.#storage = storage;
    this.#exec(`CREATE TABLE IF NOT EXISTS files (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, purpose TEXT NOT NULL, filename TEXT NOT NULL,
      bytes INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER, segments TEXT NOT NULL)`);
    this.#exec("CREATE INDEX IF NOT EXISTS files_by_time ON files (created_at, seq)");
    this.#exec(
      "CREATE INDEX IF NOT EXISTS files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL"
    );
    this.#exec("CREATE TABLE IF NOT EXISTS trash (key TEXT PRIMARY KEY) WITHOUT ROWID");
  }
  /** Adds a file, or replaces the one of the same id. */
  put(file) {
    const bytes2 = file.segments.reduce((sum, segment) => sum + segment.bytes, 0);
    const segments = JSON.stringify(file.segments);
    this.#storage.transactionSync(() => {
      this.#exec(
        `INSERT INTO files (id, purpose, filename, bytes, created_at, expires_at, segments)
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET purpose = excluded.purpose,
         filename = excluded.filename, bytes = excluded.bytes, created_at = excluded.created_at,
         expires_at = excluded.expires_at, segments = excluded.segments`,
        ...[file.id, file.purpose, file.filename, bytes2, file.created_at, file.expires_at, segments]
      );
      for (const { key } of file.segments) this.#exec("DELETE FROM trash WHERE key = ?", key);
    });
    return this.find(file.id, file.created_at).file;
  }
  /** The file, unless it has expired. */
  find(id, now2) {
    const query = "SELECT * FROM files WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)";
    for (const row of this.#exec(query, id, now2)) {
      return { file: wire(row), segments: JSON.parse(row.segments) };
    }
    return null;
  }
  /** The file. @throws ResourceNotFoundError */
  get(id, now2) {
    const found = this.find(id, now2);
    if (!found) throw noSuchFile(id);
    return found;
  }
  /** Forgets a file; its bytes go to the trash. @throws ResourceNotFoundError */
  remove(id, now2) {
    this.#discard([this.get(id, now2)]);
  }
  /** A page. Files of the same second keep the order they were made in. */
  list(query, now2) {
    const { after, limit, order: order2, purpose } = query;
    const conditions = ["(expires_at IS NULL OR expires_at > ?)"];
    const values = [now2];
    if (purpose !== void 0) {
      conditions.push("purpose = ?");
      values.push(purpose);
    }
    if (after !== void 0) {
      const [cursor] = [...this.#exec("SELECT created_at, seq FROM files WHERE id = ?", after)];
      if (!cursor) throw noSuchFile(after, "after");
      conditions.push(`(created_at, seq) ${order2 === "asc" ? ">" : "<"} (?, ?)`);
      values.push(cursor.created_at, cursor.seq);
    }
    const direction = order2 === "asc" ? "ASC" : "DESC";
    const rows = this.#exec(
      `SELECT * FROM files WHERE ${conditions.join(" AND ")}
       ORDER BY created_at ${direction}, seq ${direction} LIMIT ?`,
      ...values,
      limit + 1
    );
    const all = [...rows].map(wire);
    const data = all.slice(0, limit);
    const [first, last] = [data[0], data.at(-1)];
    return {
      object: "list",
      data,
      has_more: limit > 0 && all.length > limit,
      first_id: first?.id ?? null,
      last_id: last?.id ?? null
    };
  }
  /** Forgets files whose time is over, so many at once. */
  expire(now2) {
    const rows = this.#exec("SELECT * FROM files WHERE expires_at <= ? ORDER BY expires_at LIMIT 500", now2);
    this.#discard(
      [...rows].map((row) => ({ file: wire(row), segments: JSON.parse(row.segments) }))
    );
  }
  /** Objects to delete from R2. */
  trash(limit = 1e3) {
    return [...this.#exec("SELECT key FROM trash LIMIT ?", limit)].map((row) => row.key);
  }
  /** Objects that nothing names: to be deleted. */
  throwAway(keys2) {
    for (const key of keys2) this.#exec("INSERT OR IGNORE INTO trash (key) VALUES (?)", key);
  }
  /** R2 has deleted them. */
  emptied(keys2) {
    this.#storage.transactionSync(() => {
      for (const key of keys2) this.#exec("DELETE FROM trash WHERE key = ?", key);
    });
  }
  #discard(files) {
    this.#storage.transactionSync(() => {
      for (const { file, segments } of files) {
        this.#exec("DELETE FROM files WHERE id = ?", file.id);
        this.throwAway(segments.map((segment) => segment.key));
      }
    });
  }
  #exec(query, ...bindings) {
    return this.#storage.sql.exec(query, ...bindings);
  }
};
function noSuchFile(id, param = "id") {
  return new ResourceNotFoundError(`No such File object: ${id}`, { param });
}
__name(noSuchFile, "noSuchFile");
function wire(row) {
  return {
    object: "file",
    id: row.id,
    purpose: row.purpose,
    filename: row.filename,
    bytes: row.bytes,
    created_at: row.created_at,
    expires_at: row.expires_at,
    status: "processed",
    status_details: null
  };
}
__name(wire, "wire");

// js/worker/places.ts
var Places = class {
  static {
    __name(this, "Places");
  }
  #sql;
  constructor(storage) {
    this.#sql = storage.sql;
    this.#sql.exec(`CREATE TABLE IF NOT EXISTS places (
      id TEXT PRIMARY KEY, wake_at INTEGER, turn INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID`);
  }
  running() {
    return [...this.#sql.exec("SELECT id FROM places WHERE wake_at IS NULL ORDER BY id")].map(
      (row) => row.id
    );
  }
  resting() {
    return [...this.#sql.exec("SELECT id, wake_at FROM places WHERE wake_at IS NOT NULL")].map((row) => [
      row.id,
      row.wake_at
    ]);
  }
  /** A batch is to run. */
  take(id) {
    this.#sql.exec("INSERT INTO places (id) VALUES (?) ON CONFLICT (id) DO UPDATE SET wake_at = NULL", id);
  }
  /** A batch leaves its place to others until a time. */
  rest(id, wakeAt) {
    this.#sql.exec("UPDATE places SET wake_at = ? WHERE id = ?", wakeAt, id);
  }
  /** A batch has ended. */
  leave(id) {
    this.#sql.exec("DELETE FROM places WHERE id = ?", id);
  }
  /** Whether this is the newest turn of a running batch, to the tenant's knowledge. An older one may write no more. */
  isNewest(id, turn) {
    for (const row of this.#sql.exec("SELECT turn FROM places WHERE id = ?", id)) {
      if (row.turn > turn) return false;
      if (row.turn < turn) this.#sql.exec("UPDATE places SET turn = ? WHERE id = ?", turn, id);
    }
    return true;
  }
};

// js/worker/uploads.ts
var OPEN_SECONDS = 3600;
var Uploads = class {
  static {
    __name(this, "Uploads");
  }
  #storage;
  #files;
  constructor(storage, files) {
    this.#storage = storage;
    this.#files = files;
    this.#exec(`CREATE TABLE IF NOT EXISTS uploads (
      id TEXT PRIMARY KEY, filename TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL,
      created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, status TEXT NOT NULL, file_seconds INTEGER,
      file_id TEXT) WITHOUT ROWID`);
    this.#exec(`CREATE TABLE IF NOT EXISTS upload_parts (
      id TEXT PRIMARY KEY, upload_id TEXT NOT NULL, key TEXT NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID`);
    this.#exec("CREATE INDEX IF NOT EXISTS upload_parts_by_upload ON upload_parts (upload_id)");
  }
  create(upload, now2) {
    this.#exec(
      `INSERT INTO uploads (id, filename, purpose, bytes, created_at, expires_at, status, file_seconds)
       VALUES (?, ?, ?, ?, ?, ?, 'pending', ?)`,
      ...[
        upload.id,
        upload.filename,
        upload.purpose,
        upload.bytes,
        now2,
        now2 + OPEN_SECONDS,
        upload.fileSeconds
      ]
    );
    return this.#wire(this.#row(upload.id));
  }
  /** Throws unless parts may come. */
  checkOpen(id, now2) {
    this.#open(id, now2);
  }
  addPart(uploadId, part, now2) {
    this.#open(uploadId, now2);
    const { id, key, bytes: bytes2 } = part;
    this.#exec(
      "INSERT INTO upload_parts (id, upload_id, key, bytes) VALUES (?, ?, ?, ?)",
      id,
      uploadId,
      key,
      bytes2
    );
    return { id, object: "upload.part", created_at: now2, upload_id: uploadId };
  }
  /** The parts of the file to be, and what it is for. Throws unless they make the size that was announced. */
  plan(id, partIds, now2) {
    const upload = this.#open(id, now2);
    const seen = /* @__PURE__ */ new Set();
    const segments = partIds.map((partId) => {
      const [part] = [...this.#exec("SELECT * FROM upload_parts WHERE id = ? AND upload_id = ?", partId, id)];
      if (!part || seen.has(partId)) {
        const problem = part ? "named twice" : "not part of this upload";
        throw new InvalidRequestError(`Invalid 'part_ids': '${partId}' is ${problem}.`, {
          param: "part_ids",
          code: "invalid_value"
        });
      }
      seen.add(partId);
      return { key: part.key, bytes: part.bytes };
    });
    const sum = segments.reduce((bytes2, segment) => bytes2 + segment.bytes, 0);
    if (sum !== upload.bytes) {
      throw new InvalidRequestError(
        `The parts have ${sum} bytes together, but the upload was created for ${upload.bytes} bytes.`,
        { param: "part_ids" }
      );
    }
    const { purpose, filename } = upload;
    return { purpose, filename, segments };
  }
  /** Makes the file. Parts that it does not name are thrown away. */
  complete(id, partIds, fileId, now2) {
    const { purpose, filename, segments } = this.plan(id, partIds, now2);
    const upload = this.#row(id);
    const created_at = upload.created_at;
    const seconds = upload.file_seconds;
    const used = new Set(segments.map((segment) => segment.key));
    this.#throwAwayParts(id, (key) => !used.has(key));
    const expires_at = seconds === null ? null : created_at + seconds;
    this.#files.put({ id: fileId, purpose, filename, created_at, expires_at, segments });
    this.#exec("UPDATE uploads SET status = 'completed', file_id = ? WHERE id = ?", fileId, id);
    return this.#wire(this.#row(id), now2);
  }
  cancel(id, now2) {
    this.#open(id, now2);
    this.#throwAwayParts(id, () => true);
    this.#exec("UPDATE uploads SET status = 'cancelled' WHERE id = ?", id);
    return this.#wire(this.#row(id));
  }
  /** Throws away the parts of uploads whose time is over, and forgets uploads a day later. */
  expire(now2) {
    const over = "SELECT id FROM uploads WHERE status = 'pending' AND expires_at <= ? LIMIT 100";
    for (const row of [...this.#exec(over, now2)]) {
      this.#throwAwayParts(row.id, () => true);
      this.#exec("UPDATE uploads SET status = 'expired' WHERE id = ?", row.id);
    }
    this.#exec("DELETE FROM uploads WHERE status <> 'pending' AND expires_at <= ?", now2 - 86400);
  }
  #throwAwayParts(id, which) {
    const keys2 = [...this.#exec("SELECT key FROM upload_parts WHERE upload_id = ?", id)];
    this.#files.throwAway(keys2.map((row) => row.key).filter(which));
    this.#exec("DELETE FROM upload_parts WHERE upload_id = ?", id);
  }
  #open(id, now2) {
    const upload = this.#row(id);
    const status = upload.status === "pending" && upload.expires_at <= now2 ? "expired" : upload.status;
    if (status !== "pending") {
      throw new InvalidRequestError(`Upload '${id}' is ${status}, and takes no more changes.`);
    }
    return upload;
  }
  #row(id) {
    for (const row of this.#exec("SELECT * FROM uploads WHERE id = ?", id)) return row;
    throw new ResourceNotFoundError(`No such Upload object: ${id}`, { param: "id" });
  }
  #wire(row, now2 = 0) {
    const file = row.file_id ? this.#files.find(row.file_id, now2) : null;
    return {
      id: row.id,
      object: "upload",
      bytes: row.bytes,
      created_at: row.created_at,
      filename: row.filename,
      purpose: row.purpose,
      status: row.status,
      expires_at: row.expires_at,
      ...file && { file: file.file }
    };
  }
  #exec(query, ...bindings) {
    return this.#storage.sql.exec(query, ...bindings);
  }
};

// js/worker/tenant.ts
var ROUND_MS = 3e4;
var STALE_MS = 45e3;
var OUTPUT_SECONDS = 2592e3;
var Tenant = class extends DurableObject2 {
  static {
    __name(this, "Tenant");
  }
  #kv;
  #batches;
  #files;
  #uploads;
  #places;
  #name;
  /** When each Runner was last heard of. After a restart all count as heard of now. */
  #heard = /* @__PURE__ */ new Map();
  #since = Date.now();
  #admitting;
  #admitAgain = false;
  constructor(ctx, env) {
    super(ctx, env);
    const { storage } = ctx;
    this.#kv = new DurableObjectKV(storage);
    this.#files = new FileIndex(storage);
    this.#uploads = new Uploads(storage, this.#files);
    this.#places = new Places(storage);
    this.#name = rememberName(ctx);
    const unused = { files: noFiles, inference: inference(env), models: models(env) };
    this.#batches = new Batches({ ...serviceSettings(env), ...unused, kv: this.#kv });
    ctx.waitUntil(Promise.all(this.#places.running().map((id) => this.#poke(id))));
  }
  // --- What the Worker calls -------------------------------------------------------------------------------------
  createBatch(params, outputSeconds) {
    return outcome(async () => {
      await this.#armAlarm();
      const batch = await this.#batches.create(params);
      if (outputSeconds !== null) {
        await this.#kv.set(outputKey(batch.id), new TextEncoder().encode(String(outputSeconds)));
      }
      this.ctx.waitUntil(this.#admit());
      return batch;
    });
  }
  retrieveBatch(id) {
    return outcome(() => this.#batches.retrieve(id));
  }
  cancelBatch(id) {
    return outcome(async () => {
      const batch = await this.#batches.cancel(id);
      if (batch.status === "cancelling") {
        await this.#armAlarm();
        this.ctx.waitUntil(this.#admit().then(() => this.#runner(id).cancel(this.#name, id)));
      }
      return batch;
    });
  }
  listBatches(query) {
    return outcome(() => this.#batches.list(query));
  }
  createFile(file) {
    if (file.expires_at !== null) this.ctx.waitUntil(this.#armAlarm());
    return this.#files.put(file);
  }
  getFile(id) {
    return outcome(() => this.#files.get(id, now()));
  }
  listFiles(query) {
    return outcome(() => this.#files.list(query, now()));
  }
  deleteFile(id) {
    return outcome(async () => {
      this.#files.remove(id, now());
      await this.#emptyTrash();
      return null;
    });
  }
  createUpload(upload) {
    return outcome(async () => {
      await this.#armAlarm();
      return this.#uploads.create(upload, now());
    });
  }
  checkUpload(id) {
    return outcome(() => {
      this.#uploads.checkOpen(id, now());
      return null;
    });
  }
  addUploadPart(id, part) {
    return outcome(() => this.#uploads.addPart(id, part, now()));
  }
  planUpload(id, partIds) {
    return outcome(() => this.#uploads.plan(id, partIds, now()));
  }
  completeUpload(id, partIds, fileId) {
    return outcome(async () => {
      const upload = this.#uploads.complete(id, partIds, fileId, now());
      await this.#emptyTrash();
      return upload;
    });
  }
  cancelUpload(id) {
    return outcome(async () => {
      const upload = this.#uploads.cancel(id, now());
      await this.#emptyTrash();
      return upload;
    });
  }
  // --- What Runners call -----------------------------------------------------------------------------------------
  /** A record of the batch: `run:`, `batch:` or `cancel:`. */
  runnerGet(batchId, key) {
    this.#heard.set(batchId, Date.now());
    return this.#kv.get(key);
  }
  /** Writes of a batch's turn. Those of a turn that a newer one has replaced are refused. */
  async runnerWrite(batchId, turn, ops) {
    this.#heard.set(batchId, Date.now());
    if (!this.#places.isNewest(batchId, turn)) throw new Error(`turn ${turn} of ${batchId} was replaced`);
    await this.#kv.batch(ops);
  }
  /** An input file: only files of purpose `batch` are. */
  runnerInput(id) {
    const found = this.#files.find(id, now());
    return found?.file.purpose === "batch" ? found : null;
  }
  /** An output or error file. */
  async runnerOutput(batchId, file) {
    const created_at = now();
    const seconds = await this.#kv.get(outputKey(batchId));
    const lives = seconds ? Number(new TextDecoder().decode(seconds)) : OUTPUT_SECONDS;
    return this.#files.put({ ...file, created_at, expires_at: created_at + lives });
  }
  /** A batch is done with: its place is free. */
  async runnerEnded(batchId) {
    this.#heard.delete(batchId);
    this.#places.leave(batchId);
    await this.#kv.delete(outputKey(batchId));
    this.ctx.waitUntil(this.#admit());
  }
  /** A batch cannot go on for now: others may run meanwhile. */
  runnerRests(batchId, wakeAt) {
    this.#places.rest(batchId, wakeAt);
    this.ctx.waitUntil(this.#admit());
  }
  // --- The watch -------------------------------------------------------------------------------------------------
  /** Called by the cron: does the round if the alarm, which should, does not. */
  async watch() {
    const alarm = await this.ctx.storage.getAlarm();
    if (alarm !== null && alarm > Date.now() - ROUND_MS) return;
    await this.#round();
  }
  /** Never throws: a failed alarm is tried again a few times, and then forgotten. */
  async alarm() {
    try {
      await this.#round();
    } catch (error) {
      logError("tenant.round", error, { tenant: this.#name });
      await this.ctx.storage.setAlarm(Date.now() + ROUND_MS);
    }
  }
  async #round() {
    const { storage } = this.ctx;
    await storage.setAlarm(Date.now() + ROUND_MS);
    this.#files.expire(now());
    this.#uploads.expire(now());
    await this.#emptyTrash();
    await this.#admit();
    for (const id of this.#places.running()) {
      const heard = this.#heard.get(id) ?? this.#since;
      if (Date.now() - heard < STALE_MS) continue;
      log("batch.stale", { tenant: this.#name, batch: id, silent_ms: Date.now() - heard });
      await this.#poke(id);
    }
    const unfinished = await this.#ids("run:", 1);
    if (unfinished.length === 0) await storage.setAlarm(Date.now() + 36e5);
  }
  /** Starts what the core says may start. One at a time; a call during another makes it look again. */
  #admit() {
    this.#admitAgain = true;
    this.#admitting ??= this.#admitAll().finally(() => {
      this.#admitting = void 0;
    });
    return this.#admitting;
  }
  async #admitAll() {
    while (this.#admitAgain) {
      this.#admitAgain = false;
      const max = maxConcurrentBatches(this.env);
      const [running, resting] = [this.#places.running(), this.#places.resting()];
      const oldest = await this.#ids("run:", max + running.length + resting.length);
      const cancelled = await this.#ids("cancel:", 100);
      const queue = { max, now: Date.now(), oldest, cancelled, running, resting };
      const admitted = core().admitBatches(queue);
      for (const id of admitted) this.#places.take(id);
      await Promise.all(admitted.map((id) => this.#poke(id)));
    }
  }
  /** Tells a batch's Runner to run it. Lost calls are made up for by the next round. */
  async #poke(id) {
    try {
      await this.#runner(id).start(this.#name, id);
      this.#heard.set(id, Date.now());
    } catch (error) {
      logError("batch.poke", error, { tenant: this.#name, batch: id });
    }
  }
  #runner(id) {
    return this.env.RUNNERS.getByName(`${this.#name}/${id}`);
  }
  async #ids(prefix, limit) {
    const { entries } = await this.#kv.list({ prefix, limit });
    return entries.map(([key]) => key.slice(prefix.length));
  }
  async #emptyTrash() {
    const keys2 = this.#files.trash();
    if (keys2.length === 0) return;
    await this.env.FILES.delete(keys2);
    this.#files.emptied(keys2);
  }
  async #armAlarm() {
    const { storage } = this.ctx;
    const at = await storage.getAlarm();
    const next = Date.now() + ROUND_MS;
    if (at === null || at > next) await storage.setAlarm(next);
  }
};
function outputKey(batchId) {
  return `output_seconds:${batchId}`;
}
__name(outputKey, "outputKey");
function rememberName(ctx) {
  const { sql } = ctx.storage;
  sql.exec("CREATE TABLE IF NOT EXISTS own_name (name TEXT PRIMARY KEY) WITHOUT ROWID");
  for (const row of sql.exec("SELECT name FROM own_name")) return row.name;
  const { name } = ctx.id;
  if (name === void 0) throw new Error("a Tenant is to be got by its name");
  sql.exec("INSERT INTO own_name (name) VALUES (?)", name);
  return name;
}
__name(rememberName, "rememberName");
var noFiles = {
  retrieve: /* @__PURE__ */ __name(async () => null, "retrieve"),
  read: /* @__PURE__ */ __name(() => Promise.reject(new Error("unreachable")), "read"),
  create: /* @__PURE__ */ __name(() => Promise.reject(new Error("unreachable")), "create")
};

// js/worker/index.ts
var app = new Hono3({ strict: false });
app.use(async (c, next) => {
  const started = Date.now();
  c.set("requestId", newId("req_"));
  if (c.req.method === "OPTIONS") c.res = new Response(null, { status: 204 });
  else await next();
  const { headers } = c.res;
  headers.set("x-request-id", c.var.requestId);
  headers.set("openai-version", "2020-10-01");
  headers.set("openai-processing-ms", String(Date.now() - started));
  headers.set("x-content-type-options", "nosniff");
  headers.set("access-control-allow-origin", "*");
  headers.set(
    "access-control-expose-headers",
    "x-request-id, content-disposition, content-range, retry-after"
  );
  if (c.req.method === "OPTIONS") {
    headers.set("access-control-allow-methods", "GET, HEAD, POST, DELETE, OPTIONS");
    headers.set(
      "access-control-allow-headers",
      c.req.header("access-control-request-headers") ?? "authorization, *"
    );
    headers.set("access-control-max-age", "86400");
  }
});
app.get("/health", (c) => c.json({ status: "ok" }));
app.use("/v1/*", async (c, next) => {
  const tenantName = await authenticate(c.req.raw.headers, c.env);
  c.set("tenantName", tenantName);
  c.set("tenant", c.env.TENANTS.getByName(tenantName));
  await next();
});
app.route("/v1/batches", batchRoutes);
app.route("/v1/files", fileRoutes);
app.route("/v1/uploads", uploadRoutes);
app.get("/v1/models", (c) => {
  const data = modelNames(c.env).map(model);
  return c.json({ object: "list", data });
});
app.get("/v1/models/:id", (c) => {
  const id = c.req.param("id");
  if (modelNames(c.env).includes(id)) return c.json(model(id));
  throw new ApiError({
    ...{ status: 404, type: "invalid_request_error", param: "model", code: "model_not_found" },
    message: `The model '${id}' does not exist`
  });
});
var methods = [
  ["/v1/batches", "GET, POST"],
  ["/v1/batches/:id", "GET"],
  ["/v1/batches/:id/cancel", "POST"],
  ["/v1/files", "GET, POST"],
  ["/v1/files/:id", "GET, DELETE"],
  ["/v1/files/:id/content", "GET"],
  ["/v1/uploads", "POST"],
  ["/v1/uploads/:id/parts", "POST"],
  ["/v1/uploads/:id/complete", "POST"],
  ["/v1/uploads/:id/cancel", "POST"],
  ["/v1/models", "GET"],
  ["/v1/models/:id", "GET"],
  ["/health", "GET"]
];
for (const [path, allow] of methods) {
  app.all(path, (c) => {
    const message = `Not allowed to ${c.req.method} on ${c.req.path}.`;
    return errorResponse(refused(405, message), { allow });
  });
}
app.notFound((c) => errorResponse(refused(404, `Invalid URL (${c.req.method} ${c.req.path})`)));
app.onError((error, c) => {
  if (error instanceof ApiError && error.status < 500) return errorResponse(error);
  const { requestId } = c.var;
  logError("request.failed", error, { request: requestId, method: c.req.method });
  if (error instanceof SettingError) {
    return errorResponse(
      new ApiError({ status: 500, type: "server_error", message: error.message, param: null, code: null })
    );
  }
  return errorResponse(internalError(requestId));
});
function refused(status, message) {
  return new ApiError({ status, type: "invalid_request_error", message, param: null, code: null });
}
__name(refused, "refused");
function model(id) {
  return { id, object: "model", created: 0, owned_by: id === "echo-1" ? "edgebatch" : "upstream" };
}
__name(model, "model");
var worker_default = {
  fetch: app.fetch,
  /** Every minute: a tenant looks after its batches by itself; this is for the one whose alarm was lost. */
  async scheduled(_event, env, ctx) {
    for (const name of tenantNames(env)) {
      const watched = env.TENANTS.getByName(name).watch();
      ctx.waitUntil(watched.catch((error) => logError("tenant.watch", error, { tenant: name })));
    }
  }
};

// node_modules/wrangler/templates/middleware/middleware-ensure-req-body-drained.ts
var drainBody = /* @__PURE__ */ __name(async (request, env, _ctx, middlewareCtx) => {
  try {
    return await middlewareCtx.next(request, env);
  } finally {
    try {
      if (request.body !== null && !request.bodyUsed) {
        const reader = request.body.getReader();
        while (!(await reader.read()).done) {
        }
      }
    } catch (e) {
      console.error("Failed to drain the unused request body.", e);
    }
  }
}, "drainBody");
var middleware_ensure_req_body_drained_default = drainBody;

// node_modules/wrangler/templates/middleware/middleware-miniflare3-json-error.ts
function reduceError(e) {
  return {
    name: e?.name,
    message: e?.message ?? String(e),
    stack: e?.stack,
    cause: e?.cause === void 0 ? void 0 : reduceError(e.cause)
  };
}
__name(reduceError, "reduceError");
var jsonError = /* @__PURE__ */ __name(async (request, env, _ctx, middlewareCtx) => {
  try {
    return await middlewareCtx.next(request, env);
  } catch (e) {
    const error = reduceError(e);
    const body = JSON.stringify(error);
    const headers = {
      "Content-Type": "application/json",
      "MF-Experimental-Error-Stack": "true"
    };
    const encoded = encodeURIComponent(body);
    if (encoded.length <= 8192) {
      headers["MF-Experimental-Error-Stack-Payload"] = encoded;
    }
    return new Response(body, { status: 500, headers });
  }
}, "jsonError");
var middleware_miniflare3_json_error_default = jsonError;

// .wrangler/tmp/bundle-hlkJpI/middleware-insertion-facade.js
var __INTERNAL_WRANGLER_MIDDLEWARE__ = [
  middleware_ensure_req_body_drained_default,
  middleware_miniflare3_json_error_default
];
var middleware_insertion_facade_default = worker_default;

// node_modules/wrangler/templates/middleware/common.ts
var __facade_middleware__ = [];
function __facade_register__(...args) {
  __facade_middleware__.push(...args.flat());
}
__name(__facade_register__, "__facade_register__");
function __facade_invokeChain__(request, env, ctx, dispatch, middlewareChain) {
  const [head, ...tail] = middlewareChain;
  const middlewareCtx = {
    dispatch,
    next(newRequest, newEnv) {
      return __facade_invokeChain__(newRequest, newEnv, ctx, dispatch, tail);
    }
  };
  return head(request, env, ctx, middlewareCtx);
}
__name(__facade_invokeChain__, "__facade_invokeChain__");
function __facade_invoke__(request, env, ctx, dispatch, finalMiddleware) {
  return __facade_invokeChain__(request, env, ctx, dispatch, [
    ...__facade_middleware__,
    finalMiddleware
  ]);
}
__name(__facade_invoke__, "__facade_invoke__");

// .wrangler/tmp/bundle-hlkJpI/middleware-loader.entry.ts
var __Facade_ScheduledController__ = class ___Facade_ScheduledController__ {
  constructor(scheduledTime, cron, noRetry) {
    this.scheduledTime = scheduledTime;
    this.cron = cron;
    this.#noRetry = noRetry;
  }
  scheduledTime;
  cron;
  static {
    __name(this, "__Facade_ScheduledController__");
  }
  #noRetry;
  noRetry() {
    if (!(this instanceof ___Facade_ScheduledController__)) {
      throw new TypeError("Illegal invocation");
    }
    this.#noRetry();
  }
};
function wrapExportedHandler(worker) {
  if (__INTERNAL_WRANGLER_MIDDLEWARE__ === void 0 || __INTERNAL_WRANGLER_MIDDLEWARE__.length === 0) {
    return worker;
  }
  for (const middleware of __INTERNAL_WRANGLER_MIDDLEWARE__) {
    __facade_register__(middleware);
  }
  const fetchDispatcher = /* @__PURE__ */ __name(function(request, env, ctx) {
    if (worker.fetch === void 0) {
      throw new Error("Handler does not export a fetch() function.");
    }
    return worker.fetch(request, env, ctx);
  }, "fetchDispatcher");
  return {
    ...worker,
    fetch(request, env, ctx) {
      const dispatcher = /* @__PURE__ */ __name(function(type, init) {
        if (type === "scheduled" && worker.scheduled !== void 0) {
          const controller = new __Facade_ScheduledController__(
            Date.now(),
            init.cron ?? "",
            () => {
            }
          );
          return worker.scheduled(controller, env, ctx);
        }
      }, "dispatcher");
      return __facade_invoke__(request, env, ctx, dispatcher, fetchDispatcher);
    }
  };
}
__name(wrapExportedHandler, "wrapExportedHandler");
function wrapWorkerEntrypoint(klass) {
  if (__INTERNAL_WRANGLER_MIDDLEWARE__ === void 0 || __INTERNAL_WRANGLER_MIDDLEWARE__.length === 0) {
    return klass;
  }
  for (const middleware of __INTERNAL_WRANGLER_MIDDLEWARE__) {
    __facade_register__(middleware);
  }
  return class extends klass {
    #fetchDispatcher = /* @__PURE__ */ __name((request, env, ctx) => {
      this.env = env;
      this.ctx = ctx;
      if (super.fetch === void 0) {
        throw new Error("Entrypoint class does not define a fetch() function.");
      }
      return super.fetch(request);
    }, "#fetchDispatcher");
    #dispatcher = /* @__PURE__ */ __name((type, init) => {
      if (type === "scheduled" && super.scheduled !== void 0) {
        const controller = new __Facade_ScheduledController__(
          Date.now(),
          init.cron ?? "",
          () => {
          }
        );
        return super.scheduled(controller);
      }
    }, "#dispatcher");
    fetch(request) {
      return __facade_invoke__(
        request,
        this.env,
        this.ctx,
        this.#dispatcher,
        this.#fetchDispatcher
      );
    }
  };
}
__name(wrapWorkerEntrypoint, "wrapWorkerEntrypoint");
var WRAPPED_ENTRY;
if (typeof middleware_insertion_facade_default === "object") {
  WRAPPED_ENTRY = wrapExportedHandler(middleware_insertion_facade_default);
} else if (typeof middleware_insertion_facade_default === "function") {
  WRAPPED_ENTRY = wrapWorkerEntrypoint(middleware_insertion_facade_default);
}
var middleware_loader_entry_default = WRAPPED_ENTRY;
export {
  Runner,
  Tenant,
  __INTERNAL_WRANGLER_MIDDLEWARE__,
  middleware_loader_entry_default as default
};
//# sourceMappingURL=index.js.map
