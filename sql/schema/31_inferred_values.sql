-- Single inferred cells: each line of inferred/values.csv becomes one UPDATE.
--
-- Needs before: 30 and fixtures/production/inferred/values.csv in it, and the rows
--   it names. Leaves: the values; standin_inferred_value is dropped.
-- Undone by: DROP DATABASE. To correct a value, edit values.csv only.

DO $$
DECLARE
  inferred record;
  changed bigint;
BEGIN
  FOR inferred IN
    SELECT table_name, key_column, key_value, column_name, value
    FROM public.standin_inferred_value
    ORDER BY table_name, key_value, column_name
  LOOP
    EXECUTE format(
      'UPDATE %s SET %I = %L WHERE %I = %L',
      inferred.table_name::regclass,
      inferred.column_name,
      inferred.value,
      inferred.key_column,
      inferred.key_value
    );
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed <> 1 THEN
      RAISE EXCEPTION 'values.csv: % rows of % have % = %, one was expected',
        changed, inferred.table_name, inferred.key_column, inferred.key_value;
    END IF;
  END LOOP;
END
$$;

DROP TABLE public.standin_inferred_value;
