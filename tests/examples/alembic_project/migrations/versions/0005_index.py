"""Loans by their date."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade():
    op.create_index("loan_until", "loan", ["until"])


def downgrade():
    op.drop_index("loan_until")
