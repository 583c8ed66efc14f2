-- DROP TABLE orders; was the idea once
ALTER TABLE orders ADD COLUMN total numeric;
UPDATE orders SET total = 0 WHERE total IS NULL;
INSERT INTO notes VALUES ('DELETE FROM orders');
