-- Starts over.
DROP TABLE IF EXISTS orders CASCADE;
CREATE TABLE orders (id bigint PRIMARY KEY);
