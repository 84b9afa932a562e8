-- When an approval counts: the one text that the gate monitor, the preflights and
-- every gated tier quote, letter for letter, after WHERE on os_proposal_approvals.
-- A draft, an unsigned row or one dated in the future opens nothing. A signature has
-- a letter or a digit: in a database of locale C [:alnum:] knows ASCII alone, hence
-- the blocks of letters; taken out first are the letters that nobody sees (Hangul
-- fillers, Khmer inherent vowels). Not to be run; a test compares the copies.
status COLLATE "C" = 'published'
AND esignature_agreement
AND regexp_replace(
  signature_text COLLATE "default", '[\u115F\u1160\u17B4\u17B5\u3164\uFFA0]', '', 'g'
) ~ concat(
  '[[:alnum:]\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02AF\u0388-\u03E1\u0400-\u0481',
  '\u048A-\u0556\u0561-\u0587\u05D0-\u05EA\u0621-\u063F\u0641-\u064A\u0904-\u0939',
  '\u0E01-\u0E30\u10D0-\u10FA\u1E00-\u1FBC\u3041-\u3096\u30A1-\u30FA\u3400-\u4DBF',
  '\u4E00-\u9FFF\uAC00-\uD7A3]'
)
AND (greatest(date_created, date_updated) > now() AT TIME ZONE 'UTC') IS NOT TRUE
