/** What every connection to the database needs. */
export const sqlitePragmas =
  'pragma synchronous = full; pragma journal_size_limit = 67108864; pragma temp_store = memory'
