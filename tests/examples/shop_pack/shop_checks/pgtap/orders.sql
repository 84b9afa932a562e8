\set QUIET 1
\pset format unaligned
BEGIN;
SELECT plan(4);
SELECT has_table('sales', 'orders', 'there are orders');
SELECT col_is_fk('sales', 'orders', 'customer', 'each of a customer');
SELECT lives_ok('SELECT sales.place_order(1)', 'one can be placed');
SELECT throws_ok(
  $$ INSERT INTO sales.orders (customer, placed, status) VALUES (1, now(), 'lost') $$,
  '23514', NULL, 'and none with an unknown status');
SELECT * FROM finish();
ROLLBACK;
