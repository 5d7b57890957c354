// Circles in a graph of files.

/**
 * The circles of a graph: each set of files that all reach each other, told as one short way round.
 * @param {Map<string, Iterable<string>>} edges
 * @returns {string[][]}
 */
export function circles(edges) {
  return components(edges)
    .filter((files) => files.length > 1 || [...(edges.get(files[0]) ?? [])].includes(files[0]))
    .map((files) => shortest(files, edges));
}

/** Tarjan's strongly connected components. */
function components(edges) {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const found = [];
  const visit = (file) => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    stack.push(file);
    for (const next of edges.get(file) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file), low.get(next)));
    }
    if (low.get(file) === index.get(file)) found.push(stack.splice(stack.indexOf(file)));
  };
  for (const file of edges.keys()) if (!index.has(file)) visit(file);
  return found;
}

/** The shortest way from the first of these files back to it, within them. */
function shortest(files, edges) {
  const [start] = [...files].sort();
  const queue = [[start]];
  for (const way of queue) {
    for (const next of edges.get(way.at(-1)) ?? []) {
      if (next === start) return [...way, start];
      if (files.includes(next) && !way.includes(next)) queue.push([...way, next]);
    }
  }
  return files;
}
