/** A small file with the mistakes people make. */

export function example(): string {
  const url = "/v1/chat/completions";
  const cities = [
    "Lisbon",
    "Nairobi",
    "Osaka",
    "Quito",
    "Reykjavík",
    "Tbilisi",
    "Hanoi",
    "Porto",
    "Accra",
    "Turin",
  ];
  const line = (id: string, text: string, more: object = {}) =>
    JSON.stringify({
      custom_id: id,
      method: "POST",
      url,
      body: { model: "echo-1", messages: [{ role: "user", content: text }], ...more },
    });
  const lines = cities.map((city, i) =>
    line(`city-${i + 1}`, `What should I see in ${city} ${"and around it ".repeat(i % 4)}on one day?`),
  );
  lines.splice(2, 0, line("city-1", "The same id as the first line."));
  lines.splice(
    4,
    0,
    '{"custom_id": "city-12", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "echo-1",}}',
  );
  lines.splice(7, 0, line("city-13", "Tell me as you think.", { stream: true }));
  lines.splice(
    9,
    0,
    JSON.stringify({ custom_id: "city-14", method: "POST", url, body: { model: "echo-1" } }),
  );
  lines.push(line("city-15", "Another endpoint.").replace(url, "/v1/completions"));
  return `${lines.join("\n")}\n`;
}
