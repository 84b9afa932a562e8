BEGIN;
CREATE TABLE stories (
  id serial PRIMARY KEY,
  name varchar NOT NULL,
  written integer CHECK (written > 0)
);
COMMENT ON TABLE stories IS '100% of what the shop has';
COMMIT;
