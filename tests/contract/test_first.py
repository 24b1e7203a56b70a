
def test_create(cast):
    cast.form()
    assert cast.submit("one").status == 200
    assert cast.chelsea.get(cast.SUBMISSIONS).json["code"] == 403.1
    assert cast.bob.get(cast.SUBMISSIONS).status == 200
