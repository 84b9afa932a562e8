-- R5.3: whether the outbox holds events at all, beside none of governance; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT EXISTS (SELECT FROM public.event_outbox) AS outbox_filled;
