// zvec through its binding for Node, which every search pays for: the cost of a search over
// twenty vectors is measured and told.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { serve } from "./peer.mjs";

// Modules lie where make installed them, not beside this file.
const require = createRequire(join(process.env.LODE_PEERS_MODULES, "package.json"));
const zvec = require("@zvec/zvec");
const { version } = JSON.parse(readFileSync(join(process.env.LODE_PEERS_MODULES, "node_modules/@zvec/zvec/package.json")));

const dir = mkdtempSync(join(tmpdir(), "lode-zvec-"));
process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
zvec.ZVecInitialize({ logType: zvec.ZVecLogType.FILE, logDir: dir, logLevel: zvec.ZVecLogLevel.ERROR });

const metrics = { cosine: zvec.ZVecMetricType.COSINE, dot: zvec.ZVecMetricType.IP, l2: zvec.ZVecMetricType.L2 };
const batch = 1000;

// collect makes a collection of the first rows.
function collect(name, base, rows, { config, metric, m, ef_construction, threads }) {
  const indexParams = {
    indexType: zvec.ZVecIndexType.HNSW, metricType: metrics[metric], m, efConstruction: ef_construction, useContiguousMemory: true,
    quantizeType: config === "f32" ? zvec.ZVecQuantizeType.UNDEFINED : zvec.ZVecQuantizeType.INT8,
  };
  const schema = new zvec.ZVecCollectionSchema({
    name, vectors: { name: "v", dataType: zvec.ZVecDataType.VECTOR_FP32, dimension: base.dim, indexParams },
  });
  const collection = zvec.ZVecCreateAndOpen(join(dir, name), schema);
  for (let first = 0; first < rows; first += batch) {
    const docs = [];
    for (let i = first; i < Math.min(first + batch, rows); i++) docs.push({ id: String(i), vectors: { v: base.row(i) } });
    for (const status of collection.insertSync(docs)) {
      if (!status.ok) throw new Error(`insert: ${status.code} ${status.message}`);
    }
  }
  collection.optimizeSync({ concurrency: threads });
  return collection;
}

const engine = {
  build(base, options) {
    this.refine = options.config === "int8-refine";
    const small = collect("small", base, Math.min(20, base.rows), options);
    this.collection = small;
    this.prepare(10, 20);
    const times = [];
    for (let i = 0; i < 3000; i++) {
      const begun = process.hrtime.bigint();
      this.search(base.row(0));
      times.push(Number(process.hrtime.bigint() - begun) / 1000);
    }
    small.destroySync();
    const binding = times.sort((a, b) => a - b)[times.length / 10]; // the machine may be busy
    this.collection = collect("rows", base, base.rows, options);
    const { docCount, indexCompleteness } = this.collection.stats;
    if (indexCompleteness.v !== 1) throw new Error(`the index is complete to ${indexCompleteness.v}`);
    return { rows: docCount, binding_ns: Math.round(1000 * binding), about: `a search over 20 vectors through the binding takes ${binding.toFixed(0)} µs` };
  },
  prepare(k, ef) {
    this.query = { fieldName: "v", topk: k, outputFields: [], params: { indexType: zvec.ZVecIndexType.HNSW, ef, isUsingRefiner: this.refine } };
  },
  search(vector) {
    this.query.vector = vector;
    return this.collection.querySync(this.query).map((found) => Number(found.id));
  },
};

await serve(
  {
    name: "zvec", version, about: `Node ${process.versions.node}, prebuilt binding, whose cost is included`,
    configs: [
      { name: "f32", build_threads: true },
      { name: "int8", build_threads: true, about: "8-bit codes" },
      { name: "int8-refine", build_threads: true, about: "8-bit codes, re-ranked by zvec's refiner" },
    ],
  },
  engine,
);
process.exit(0); // its threads would hold the process
