// Writes the stand-in rows of the eleven benchmarks with other implementations
// of parquet: DuckDB, and parquet-rs by way of WebAssembly. The rows are those
// of datasets/standin_test.go. Arguments: a folder, and how many rows a file has.
//
// Folders: the writer, the compression and what else is particular; below them
// the layout of datasets.FromDir. DuckDB names the items of a list "element",
// parquet-rs takes the name that it is given; here "item".
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import * as arrow from 'apache-arrow';
import * as parquet from 'parquet-wasm';

const [root, count] = [process.argv[1], Number(process.argv[2])];

const letters = [...'ABCDE'];
const thousands = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ',');
const four = [0, 1, 2, 3];
const mathConfigs = ['algebra', 'counting_and_probability', 'geometry', 'intermediate_algebra', 'number_theory', 'prealgebra', 'precalculus'];

// Types: text, int32, int64, list (of text), or an object of columns.
const options = (first) => first === 'label' ? { label: 'list', text: 'list' } : { text: 'list', label: 'list' };
const sets = {
  'natural_qa/nq/train/0000.parquet': {
    columns: { id: 'text', question: 'text', golden_answers: 'list' },
    row: (i) => ({ id: `train_${i}`, question: `nq ${i}: who "wrote" it?`, golden_answers: [`ans/${i}`, 'other'].slice(0, 1 + (i % 2)) }),
  },
  'trivia_qa/rc.nocontext/train-00000-of-00001.parquet': {
    columns: {
      question: 'text', question_id: 'text', question_source: 'text',
      entity_pages: { doc_source: 'list', filename: 'list', title: 'list', wiki_context: 'list' },
      answer: { aliases: 'list', normalized_aliases: 'list', normalized_value: 'text', type: 'text', value: 'text' },
    },
    row: (i) => ({
      question: `tq ${i} café\n?`, question_id: `tc_${i}`, question_source: 'http://quiz',
      entity_pages: { doc_source: [], filename: [], title: [], wiki_context: [] },
      answer: { aliases: [`Alias ${i}`], normalized_aliases: [`alias ${i}`, 'else'], normalized_value: `alias ${i}`, type: 'FreeForm', value: `Alias ${i}` },
    }),
  },
  'mmlu/all/auxiliary_train-00000-of-00001.parquet': {
    columns: { question: 'text', subject: 'text', choices: 'list', answer: 'int64' },
    row: (i) => ({ question: `mm ${i}`, subject: '', choices: four.map((j) => `c${i}-${j}`), answer: i % 4 }),
  },
  'gpqa/gpqa_main/train/0000.parquet': {
    columns: { 'Explanation': 'text', 'Question': 'text', 'Correct Answer': 'text', 'Incorrect Answer 1': 'text', 'Incorrect Answer 2': 'text', 'Incorrect Answer 3': 'text' },
    row: (i) => ({ 'Explanation': null, 'Question': `gp ${i} λ`, 'Correct Answer': `right ${i}`, 'Incorrect Answer 1': `w1 ${i}`, 'Incorrect Answer 2': `w2 '${i}'`, 'Incorrect Answer 3': `w3\t${i}` }),
  },
  'mbpp/full/train-00000-of-00001.parquet': {
    columns: { task_id: 'int32', text: 'text', code: 'text', test_list: 'list', test_setup_code: 'text', challenge_test_list: 'list' },
    row: (i) => ({ task_id: i + 1, text: `mb ${i}`, code: 'def f(x):\r\n  pass', test_list: [`assert f(${i}) == ${i}`, `assert f('${i}') is None`], test_setup_code: '', challenge_test_list: [] }),
  },
  'human_eval/openai_humaneval/test-00000-of-00001.parquet': {
    columns: { task_id: 'text', prompt: 'text', canonical_solution: 'text', test: 'text', entry_point: 'text' },
    row: (i) => ({ task_id: `HumanEval/${i}`, prompt: `def he${i}(x):\n    `, canonical_solution: 'return x', test: `def check(c):\n    assert c(${i}) == ${i}\n`, entry_point: `he${i}` }),
  },
  'gsm8k/main/train-00000-of-00001.parquet': {
    columns: { question: 'text', answer: 'text' },
    row: (i) => ({ question: `gs ${i}`, answer: `work <<${i}+1=${i + 1}>>\n#### ${thousands(i + 1)}` }),
  },
  'commonsense_qa/data/train-00000-of-00001.parquet': {
    columns: { id: 'text', question: 'text', question_concept: 'text', choices: options('label'), answerKey: 'text' },
    row: (i) => ({ id: String(i), question: `cs ${i}`, question_concept: 'x', choices: { label: letters, text: [0, 1, 2, 3, 4].map((j) => `t${i}${j}`) }, answerKey: letters[i % 5] }),
  },
  'arc_challenge/ARC-Challenge/train-00000-of-00001.parquet': {
    columns: { id: 'text', question: 'text', choices: options('text'), answerKey: 'text' },
    row: (i) => ({ id: String(i), question: `ar ${i}`, choices: { text: four.map((j) => `u${i}${j}`), label: i % 7 === 0 ? ['1', '2', '3', '4'] : letters.slice(0, 4) }, answerKey: letters[i % 4] }),
  },
  'openbook_qa/main/train-00000-of-00001.parquet': {
    columns: { id: 'text', question_stem: 'text', choices: options('text'), answerKey: 'text' },
    row: (i) => ({ id: String(i), question_stem: `ob ${i}`, choices: { text: four.map((j) => `v${i}${j}`), label: letters.slice(0, 4) }, answerKey: letters[i % 4] }),
  },
};
for (const config of mathConfigs) {
  sets[`math/${config}/train-00000-of-00001.parquet`] = {
    columns: { problem: 'text', level: 'text', type: 'text', solution: 'text' },
    row: (i) => ({ problem: `ma ${config} ${i} $\\frac{${i}}{2}$`, level: 'Level 1', type: config, solution: `so \\boxed{${i}}` }),
  };
}

const rows = (set) => Array.from({ length: count }, (_, i) => set.row(i));

// --- DuckDB: the rows come from a table that is filled by an appender of JSON.
const duck = await (await DuckDBInstance.create(':memory:')).connect();
const duckType = (t) => typeof t === 'object'
  ? `STRUCT(${Object.entries(t).map(([k, v]) => `"${k}" ${duckType(v)}`).join(', ')})`
  : { text: 'VARCHAR', int32: 'INTEGER', int64: 'BIGINT', list: 'VARCHAR[]' }[t];
const quoted = (s) => `'${s.replaceAll("'", "''")}'`;
const duckVariants = {
  'duckdb-snappy': 'COMPRESSION snappy, ROW_GROUP_SIZE 2048',
  'duckdb-zstd': 'COMPRESSION zstd',
  'duckdb-gzip': 'COMPRESSION gzip',
  'duckdb-v2-snappy': "COMPRESSION snappy, PARQUET_VERSION v2",
  'duckdb-v2-plain': "COMPRESSION uncompressed, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 1",
  'duckdb-lz4': 'COMPRESSION lz4',
};
for (const [name, set] of Object.entries(sets)) {
  const json = join(root, 'rows.json');
  mkdirSync(root, { recursive: true });
  writeFileSync(json, rows(set).map((r) => JSON.stringify(r)).join('\n'));
  const columns = Object.entries(set.columns).map(([k, t]) => `${quoted(k)}: ${quoted(duckType(t))}`).join(', ');
  await duck.run(`CREATE OR REPLACE TABLE t AS SELECT * FROM read_json(${quoted(json)}, format = 'newline_delimited', columns = {${columns}})`);
  for (const [variant, how] of Object.entries(duckVariants)) {
    const file = join(root, variant, name);
    mkdirSync(dirname(file), { recursive: true });
    await duck.run(`COPY t TO ${quoted(file)} (FORMAT parquet, ${how})`);
  }
  rmSync(json);
}

// --- parquet-rs.
const arrowType = (t) => {
  if (typeof t === 'object') return new arrow.Struct(Object.entries(t).map(([k, v]) => new arrow.Field(k, arrowType(v), true)));
  return { text: () => new arrow.Utf8(), int32: () => new arrow.Int32(), int64: () => new arrow.Int64(), list: () => new arrow.List(new arrow.Field('item', new arrow.Utf8(), true)) }[t]();
};
const arrowValue = (t, v) => {
  if (v === null) return null;
  if (t === 'int64') return BigInt(v);
  if (typeof t === 'object') return Object.fromEntries(Object.entries(t).map(([k, inner]) => [k, arrowValue(inner, v[k])]));
  return v;
};
const { Compression, WriterPropertiesBuilder, WriterVersion } = parquet;
const base = () => new WriterPropertiesBuilder().setWriterVersion(WriterVersion.V1);
const rustVariants = {
  'parquet-rs-snappy-item': () => base().setCompression(Compression.SNAPPY).setMaxRowGroupSize(700),
  'parquet-rs-zstd-item': () => base().setCompression(Compression.ZSTD),
  'parquet-rs-gzip-v2-item': () => base().setCompression(Compression.GZIP).setWriterVersion(WriterVersion.V2),
  'parquet-rs-plain-item': () => base().setCompression(Compression.UNCOMPRESSED).setDictionaryEnabled(false).setDataPageSizeLimit(2000).setWriteBatchSize(32),
  'parquet-rs-v2-snappy-item': () => base().setCompression(Compression.SNAPPY).setWriterVersion(WriterVersion.V2).setDictionaryEnabled(false).setDataPageSizeLimit(2000).setWriteBatchSize(32),
  'parquet-rs-lz4-item': () => base().setCompression(Compression.LZ4_RAW),
};
for (const [name, set] of Object.entries(sets)) {
  const all = rows(set);
  const columns = {};
  for (const [k, t] of Object.entries(set.columns)) {
    columns[k] = arrow.vectorFromArray(all.map((r) => arrowValue(t, r[k])), arrowType(t));
  }
  const ipc = arrow.tableToIPC(new arrow.Table(columns), 'stream');
  for (const [variant, how] of Object.entries(rustVariants)) {
    const file = join(root, variant, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, parquet.writeParquet(parquet.Table.fromIPCStream(ipc), how().build()));
  }
}
console.log(`${Object.keys(sets).length} files by each of ${Object.keys(duckVariants).length + Object.keys(rustVariants).length} writers in ${root}`);
