/** A code of an error, which leads to what the papers say of it where their site is served beside the page. */

/** Where the site is, from the page; its build says so in the page's HTML. */
const { docs } = document.documentElement.dataset;

export function Code({ code }: { code: string }) {
  const text = <code>{code}</code>;
  if (!docs) return text;
  return (
    <a href={`${docs}errors.html#${code}`} target="_blank" rel="noopener">
      {text}
    </a>
  );
}
