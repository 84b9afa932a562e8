"""A small model: readers and what they have lent."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """The model's base."""


class Reader(Base):
    """Somebody who lends."""

    __tablename__ = "shop_reader"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    loans: Mapped[list[Loan]] = relationship(cascade="all, delete-orphan")


class Loan(Base):
    """A story that a reader has."""

    __tablename__ = "shop_loan"
    __table_args__ = (UniqueConstraint("reader_id", "story"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("shop_reader.id"))
    story: Mapped[str]
