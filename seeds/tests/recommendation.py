

def test_the_outcome_is_what_happened_in_the_next_days(shop, params):
    shop.execute(f"CREATE TABLE rows AS {features.rows(params)}")
    october = shop.execute(
        f"SELECT * FROM ({features.target(params)}) WHERE time = DATE '2025-10-01' ORDER BY id"
    ).fetchall()
    assert [row[-1] for row in october] == [[7]]  # customer 2 buys nothing: no row


def test_features_know_only_the_days_before(shop, params):
    shop.execute(f"CREATE TABLE rows AS {features.rows(params)}")
    october = shop.execute(
        f"SELECT * FROM ({features.features(params)}) WHERE time = DATE '2025-10-01'"
    )
    names = [column[0] for column in october.description]
    known = [dict(zip(names, values, strict=True)) for values in october.fetchall()]

    def features_of(customer):
        return next(row for row in known if row["id"] == customer)

    assert features_of(1)["history"] == [7] * 9
    assert features_of(2)["history"] == [8]
