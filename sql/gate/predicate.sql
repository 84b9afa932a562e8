-- When an approval counts: the one text that the gate monitor, the preflights and
-- every gated tier quote, letter for letter, after WHERE on os_proposal_approvals.
-- A draft or an unsigned row opens nothing. Not to be run; a test compares the copies.
status = 'published' AND esignature_agreement AND signature_text ~ '[^[:space:]]'
