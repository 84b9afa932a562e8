-- Planner statistics, once, so that a first check meets sane plans.
--
-- Needs before: everything else. Leaves: statistics of every table.
-- Undone by: DROP DATABASE.

ANALYZE;
