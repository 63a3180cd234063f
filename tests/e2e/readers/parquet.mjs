// parquet.mjs FILE EXPECTED: reads a Parquet file with three readers that have nothing in common,
// and compares every cell with what SQLite says (JSON: columns with name and type, rows of texts,
// numbers, booleans or nulls; whole numbers and money as texts). Prints one JSON line a reader.
import { readFileSync } from 'node:fs'

const [file, expectedFile] = process.argv.slice(2)
const expected = JSON.parse(readFileSync(expectedFile, 'utf8'))

async function readHyparquet() {
  const { asyncBufferFromFile, parquetReadObjects, parquetMetadataAsync } = await import('hyparquet')
  const { compressors } = await import('hyparquet-compressors')
  const buffer = await asyncBufferFromFile(file)
  await parquetMetadataAsync(buffer)
  const rows = await parquetReadObjects({
    file: buffer,
    compressors,
    // Its dates are milliseconds; ours must not lose the rest.
    parsers: { timestampFromMicroseconds: (us) => String(us) },
  })
  return rows.map((row) => expected.columns.map(({ name, type }) => {
    const value = row[name]
    if (value === null || value === undefined) return null
    // A decimal is given as a float: exact after rounding below nine million dollars.
    if (type === 'nano_decimal') return String(BigInt(Math.round(value * 1e9)))
    if (type === 'integer' || type === 'timestamp_us') return String(value)
    return value
  }))
}

async function readDuckdb() {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const connection = await (await DuckDBInstance.create()).connect()
  const cells = expected.columns.map(({ name, type }) => {
    if (type === 'nano_decimal') return `CAST(CAST(${name} * 1000000000 AS BIGINT) AS VARCHAR)`
    if (type === 'timestamp_us') return `CAST(epoch_us(${name}) AS VARCHAR)`
    if (type === 'integer') return `CAST(${name} AS VARCHAR)`
    return name
  })
  const result = await connection.runAndReadAll(`SELECT ${cells.join(', ')} FROM read_parquet('${file}')`)
  return result.getRows()
}

async function readChdb() {
  const { query } = await import('chdb')
  const cells = expected.columns.map(({ name, type }) => {
    if (type === 'nano_decimal') return `toString(toInt64(${name} * 1000000000))`
    if (type === 'timestamp_us') return `toString(toUnixTimestamp64Micro(${name}))`
    if (type === 'integer') return `toString(${name})`
    return name
  })
  const text = query(`SELECT ${cells.join(', ')} FROM file('${file}', Parquet)`, 'JSONCompactEachRow')
  return String(text).trim().split('\n').filter(Boolean).map((line) => JSON.parse(line))
}

function findDifference(rows) {
  if (rows.length !== expected.rows.length) return `${rows.length} rows, wanted ${expected.rows.length}`
  // Readers may give rows in any order.
  const byId = new Map(rows.map((row) => [row[0], row]))
  for (const wanted of expected.rows) {
    const row = byId.get(wanted[0])
    if (!row) return `no row ${wanted[0]}`
    for (let i = 0; i < wanted.length; i++) {
      if (!Object.is(row[i] ?? null, wanted[i])) {
        return `${wanted[0]} ${expected.columns[i].name}: ${JSON.stringify(row[i])}, wanted ${JSON.stringify(wanted[i])}`
      }
    }
  }
  return ''
}

for (const [reader, read] of [['hyparquet', readHyparquet], ['duckdb', readDuckdb], ['chdb', readChdb]]) {
  const started = Date.now()
  let difference
  let rows = []
  try {
    rows = await read()
    difference = findDifference(rows)
  } catch (error) {
    difference = String(error)
  }
  console.log(JSON.stringify({ reader, rows: rows.length, cells: rows.length * expected.columns.length, difference, ms: Date.now() - started }))
}
process.exit(0)
