"""Who gets recommendations, what they bought so far, and what they bought next.

This file is yours. Each function returns one SQL text that DuckDB runs over the tables of
data/open; `params` is the `features:` section of params.yaml. One rule holds everywhere: a feature
of a row may only use what was known before the row's `time`.
"""


def rows(params: dict) -> str:
    """Select who gets recommendations, and when: monthly, every customer who bought before.

    The first months only feed the history, and the last outcome must already be known.
    """
    return f"""
        WITH span AS (
            SELECT date_trunc('month', min(ordered_at)) AS first_month,
                   max(ordered_at) AS last_order
            FROM orders
        ), months AS (
            SELECT DISTINCT CAST(date_trunc('month', ordered_at) AS DATE) AS time FROM orders
        ), buyers AS (
            SELECT customer_id AS id, min(ordered_at) AS first_order
            FROM orders GROUP BY customer_id
        )
        SELECT id, time
        FROM months
        CROSS JOIN span
        JOIN buyers ON first_order < time
        WHERE time >= first_month + INTERVAL '{int(params["history_months"])}' MONTH
          AND time + INTERVAL '{int(params["horizon_days"]) - 1}' DAY <= last_order
    """


def features(params: dict) -> str:
    """Select what is known at `time`: the products bought so far, oldest first, and the season."""
    return f"""
        SELECT id, time,
               array_agg(product_id ORDER BY ordered_at, line_id) AS history,
               last(category ORDER BY ordered_at, line_id) AS last_category,
               extract(month FROM time) AS month
        FROM rows
        JOIN orders ON customer_id = id AND ordered_at < time
             AND ordered_at >= time - INTERVAL '{int(params["memory_months"])}' MONTH
        JOIN products USING (product_id)
        GROUP BY id, time
    """


def target(params: dict) -> str:
    """Select the outcome: the products bought in the `horizon_days` from `time`.

    Customers who buy nothing have no row and are left out: whether somebody buys is another
    question than what.
    """
    return f"""
        SELECT id, time, array_agg(DISTINCT product_id ORDER BY product_id) AS y_true
        FROM rows
        JOIN orders ON customer_id = id AND ordered_at >= time
             AND ordered_at < time + INTERVAL '{int(params["horizon_days"])}' DAY
        GROUP BY id, time
    """
