"use client";
import * as edgebatch from "edgebatch";
import { useEffect, useState } from "react";
import { run } from "../../common/run.js";

export function Answer() {
  const [answer, setAnswer] = useState("");
  useEffect(() => {
    run(edgebatch).then(setAnswer);
  }, []);
  return <output>{answer}</output>;
}
