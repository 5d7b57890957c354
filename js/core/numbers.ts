/** Numbers for people. */

const whole = new Intl.NumberFormat("en");

/** `1,234,567` */
export function count(value: number): string {
  return whole.format(value);
}

/** `1 request`, `2 requests`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
