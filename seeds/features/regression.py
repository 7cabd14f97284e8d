"""Which customers are forecast, what is known about them, and how much they spend next.

This file is yours. Each function returns one SQL text that DuckDB runs over the tables of
data/open; `params` is the `features:` section of params.yaml. One rule holds everywhere: a feature
of a row may only use what was known before the row's `time`.
"""


def rows(params: dict) -> str:
    """Select who is forecast, and when: monthly, every customer who bought before.

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
    """Select what is known at `time`: spend, frequency, recency, season and segment."""
    return f"""
        WITH purchases AS (
            SELECT customer_id, order_id, min(ordered_at) AS ordered_at,
                   sum(quantity * unit_price) AS amount
            FROM orders GROUP BY customer_id, order_id
        ), history AS (
            SELECT id, time, amount, date_diff('day', ordered_at, time) AS age
            FROM rows JOIN purchases ON customer_id = id AND ordered_at < time
        ), counted AS (
            SELECT id, time,
                   min(age) AS days_since_last, max(age) AS days_since_first,
                   count(*) FILTER (WHERE age <= 90) AS orders_90,
                   count(*) AS orders_total,
                   count(*) / (max(age) + 90.0) AS order_rate,
                   avg(amount) AS average_order,
                   coalesce(sum(amount) FILTER (WHERE age <= 90), 0) AS spend_90,
                   coalesce(sum(amount) FILTER (WHERE age <= 180), 0) AS spend_180,
                   sum(amount) / (max(age) + 90.0) AS spend_rate,
                   sum(exp(-age / {float(params["memory_days"])})) AS recent_orders
            FROM history GROUP BY id, time
        )
        SELECT counted.*, segment,
               extract(month FROM time) AS month,
               date_diff('day', signup_date, time) AS tenure_days
        FROM counted JOIN customers ON customer_id = id
    """


def target(params: dict) -> str:
    """Select the outcome: what the customer spends in the `horizon_days` from `time`."""
    return f"""
        SELECT id, time, coalesce(sum(quantity * unit_price), 0) AS y_true
        FROM rows
        LEFT JOIN orders ON customer_id = id AND ordered_at >= time
             AND ordered_at < time + INTERVAL '{int(params["horizon_days"])}' DAY
        GROUP BY id, time
    """
