// The engine's side of the line protocol for Node; ../README.md has the protocol.
//
// An adapter calls serve with its hello and an engine:
//
//	build(base, options)   makes the index; returns {rows, index_bytes, traversal_bytes, about}
//	prepare(k, ef)         comes before the queries of a search
//	search(query)          returns an array of at most k ids, nearest first
import { closeSync, openSync, readSync } from "node:fs";
import { createInterface } from "node:readline";

// readMatrix reads an fbin file: uint32 rows, uint32 dimensions, float32.
function readMatrix(path) {
  const file = openSync(path, "r");
  try {
    const head = new Uint32Array(2);
    if (readSync(file, head, 0, 8, 0) !== 8) throw new Error(`cannot read the header of ${path}`);
    const [rows, dim] = head;
    const data = new Float32Array(rows * dim);
    const bytes = new Uint8Array(data.buffer);
    for (let at = 0; at < bytes.length; ) {
      const n = readSync(file, bytes, at, Math.min(bytes.length - at, 1 << 30), 8 + at);
      if (n === 0) throw new Error(`cannot read the rows of ${path}`);
      at += n;
    }
    return { rows, dim, row: (i) => data.subarray(i * dim, (i + 1) * dim) };
  } finally {
    closeSync(file);
  }
}

export async function serve(hello, engine) {
  const say = (reply) => process.stdout.write(JSON.stringify(reply) + "\n");
  let base, queries, metric, ids, ns;

  const verbs = {
    load(settings) {
      base = readMatrix(settings.base);
      queries = readMatrix(settings.queries);
      metric = settings.metric;
      return { rows: base.rows, dim: base.dim, queries: queries.rows };
    },
    build(settings) {
      const options = { config: settings.config, metric };
      for (const name of ["m", "ef_construction", "threads", "seed"]) options[name] = Number(settings[name]);
      const built = engine.build(base, options);
      base = undefined;
      global.gc?.();
      return built;
    },
    search(settings) {
      const repeat = Number(settings.repeat);
      engine.prepare(Number(settings.k), Number(settings.ef));
      ids = new Array(queries.rows);
      ns = new Array(queries.rows);
      for (let r = 0; r < repeat; r++) {
        for (let q = 0; q < queries.rows; q++) {
          const query = queries.row(q);
          const begun = process.hrtime.bigint();
          ids[q] = engine.search(query);
          ns[q] = Number(process.hrtime.bigint() - begun);
        }
      }
      return { queries: repeat * queries.rows };
    },
    answer: () => ({ ids, ns }),
  };

  say({ protocol: 1, ...hello });
  for await (const line of createInterface({ input: process.stdin })) {
    const [verb, ...words] = line.split("\t");
    if (verb === "quit") break;
    const settings = Object.fromEntries(words.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]));
    try {
      if (!Object.hasOwn(verbs, verb)) throw new Error(`there is no verb ${verb}`);
      say(verbs[verb](settings));
    } catch (error) {
      say({ error: String(error?.message ?? error) });
    }
  }
}
