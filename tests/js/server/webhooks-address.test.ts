/** Guards where webhooks may go: no spelling of a private address passes for one of the internet. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { isPublicAddress, wrongAddress } from "../../../js/server/webhooks/address.ts";

const judged = (url: string, allowPrivate = false) => wrongAddress(url, { allowPrivate });

test("addresses on the internet are taken", () => {
  for (const host of [
    ...["example.com", "hooks.example.co.uk:8443", "a.b.", "xn--bcher-kva.example", "8.8.8.8", "172.32.0.1"],
    ...["100.128.0.1", "192.169.0.1", "[2606:4700::1111]", "[2a00:1450:4001:82a::200e]", "[::ffff:8.8.8.8]"],
    ...["[64:ff9b::808:808]", "localhost.example.com", "internal.example.com"],
  ]) {
    assert.equal(judged(`https://${host}/hook?token=1`), null, host);
  }
});

test("private addresses are refused by name and in every spelling of their number", () => {
  for (const host of [
    ...["localhost", "LOCALHOST", "localhost.", "a.localhost", "printer.local", "metadata.google.internal"],
    ...["intranet", "db", "host.home.arpa", "ⓛocalhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001"],
    ...["0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "0", "0.0.0.0", "10.1.2.3", "172.16.0.1"],
    ...["172.31.255.255", "192.168.1.1", "169.254.169.254", "0xa9fea9fe", "2852039166", "100.64.0.1"],
    ...[
      "100.100.100.200",
      "192.0.0.192",
      "198.18.0.1",
      "224.0.0.1",
      "255.255.255.255",
      "１２７.0.0.1",
      "%31%32%37.0.0.1",
    ],
    ...["[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]"],
    ...["[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]"],
    ...["[2001:db8::1]", "[2001::1]", "[2002:7f00:1::]", "[100::1]", "[3fff::1]"],
  ]) {
    assert.match(judged(`https://${host}/`) ?? "taken", /is private/, host);
    assert.equal(judged(`https://${host}/`, true), null, `${host} where it is allowed`);
  }
});

test("other schemes, user names, and what is no address are refused", () => {
  for (const url of [
    "http://example.com/",
    "ftp://example.com/",
    "example.com",
    "",
    "https://",
    "javascript:1",
  ]) {
    assert.match(judged(url) ?? "taken", /https:/, url);
  }
  assert.match(judged("https://name:password@example.com/") ?? "taken", /without user name or password/);
  assert.match(judged("https://name@example.com/") ?? "taken", /without user name or password/);
  assert.match(judged(`https://example.com/${"a".repeat(2048)}`) ?? "taken", /2048 characters/);
});

test("http:// is for this machine alone, and only where private addresses are allowed", () => {
  for (const host of ["localhost:3000", "127.0.0.1", "127.5.5.5", "[::1]:80"]) {
    assert.match(judged(`http://${host}/`) ?? "taken", /https:/, host);
    assert.equal(judged(`http://${host}/`, true), null, host);
  }
  for (const host of ["192.168.1.1", "example.com", "127.example.com"]) {
    assert.match(judged(`http://${host}/`, true) ?? "taken", /https:/, host);
  }
});

test("what a name leads to is judged in the forms in which resolvers say it", () => {
  for (const address of ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]) {
    assert.ok(isPublicAddress(address), address);
  }
  for (const address of [
    ...[
      "127.0.0.1",
      "::ffff:127.0.0.1",
      "::ffff:169.254.169.254",
      "fe80::1%eth0",
      "::1",
      "64:ff9b::10.0.0.1",
    ],
    ...[
      "",
      ":",
      ":::",
      "1::2::3",
      "256.1.1.1",
      "1.2.3",
      "2606:4700::1111:",
      "2606:4700:1:2:3:4:5:6:7",
      "g::1",
    ],
  ]) {
    assert.ok(!isPublicAddress(address), address);
  }
});
