/** What went wrong, said at once to who hears the page. Nothing where nothing did. */
export function Failure({ text, id }: { text: string; id?: string }) {
  return text === "" ? null : (
    <p class="notice bad" role="alert" {...(id && { id })}>
      {text}
    </p>
  );
}
