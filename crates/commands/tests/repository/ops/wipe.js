db.orders.deleteMany({});
