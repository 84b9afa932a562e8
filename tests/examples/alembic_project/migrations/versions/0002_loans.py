"""Loans of readers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.create_table(
        "loan",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("reader", sa.BigInteger, sa.ForeignKey("reader.id"), nullable=False),
        sa.Column("until", sa.Date, nullable=False),
    )


def downgrade():
    op.drop_table("loan")
