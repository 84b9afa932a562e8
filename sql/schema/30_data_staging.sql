-- Two tables that only carry figures from CSV files into the data files.
--
-- Needs before: 20. Leaves: standin_inferred_value, dropped again by 31, and
--   standin_birth_figure, dropped again by 48. Undone by: DROP TABLE.

SET ROLE directus;

CREATE TABLE public.standin_inferred_value (
  table_name text NOT NULL,
  key_column text NOT NULL,
  key_value text NOT NULL,
  column_name text NOT NULL,
  value text NOT NULL,
  why text NOT NULL
);
COMMENT ON TABLE public.standin_inferred_value IS
  'Single inferred cells, with the reason; dropped by 31_inferred_values.sql.';

CREATE TABLE public.standin_birth_figure (
  collection_name text PRIMARY KEY,
  births integer NOT NULL
);
COMMENT ON TABLE public.standin_birth_figure IS
  'Known birth rows per governed collection; dropped by 48_birth_rows.sql.';

RESET ROLE;
