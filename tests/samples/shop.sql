-- A shop: enums and a domain, quoted names, two keys to one table, a composite key that others point to.
create type order_state as enum ('new', 'paid', 'in_transit', 'delivered', 'cancelled');
create domain percentage as numeric(5,2) check (value between 0 and 100);

create table countries (code char(2) primary key, name text not null);
create table addresses (
    id int generated always as identity primary key,
    street text not null, city text not null, postal_code varchar(12),
    country char(2) not null references countries
);
create table customers (
    id uuid primary key,
    first_name text not null, last_name text not null,
    email text unique, phone text, born date, website text, newsletter boolean not null default false,
    billing_address_id int references addresses, shipping_address_id int references addresses,
    referred_by uuid references customers,
    created_at timestamptz not null default '2026-01-01'
);
create table categories (
    id int primary key, name text not null unique, parent_id int references categories
);
create table products (
    sku text primary key, name text not null, description text, price numeric(10,2) not null, discount percentage,
    tags text[] not null default '{}', attributes jsonb not null default '{}', image bytea,
    category_id int references categories, weight double precision,
    search tsvector generated always as (to_tsvector('simple', name)) stored,
    size text check (size in ('S', 'M', 'L', 'XL'))
);
create table "Order" (
    "OrderNo" int primary key, "CustomerId" uuid not null references customers,
    "State" order_state not null default 'new', "Placed At" timestamptz not null, "Total" money,
    "user" text, "select" text, "Sync Note" text
);
comment on table "Order" is 'What customers have ordered';
comment on column "Order"."Placed At" is 'when the order came in';
create table order_lines (
    order_no int not null references "Order", line int not null,
    sku text not null references products, quantity int not null,
    primary key (order_no, line)
);
create table shipments (
    id int primary key, order_no int not null, line int not null, period tstzrange, carrier inet,
    foreign key (order_no, line) references order_lines
);
create table product_suppliers (
    sku text references products, supplier uuid references customers, primary key (sku, supplier)
);
create table audit (at timestamptz, what text);
create view open_orders as
    select "OrderNo" as order_no, "State" as state, "Placed At" as placed_at from "Order" where "State" in ('new', 'paid');
create materialized view revenue as
    select l.sku, sum(l.quantity) as sold from order_lines l group by l.sku;

insert into countries values ('DE', 'Germany'), ('FR', 'France'), ('NL', 'Netherlands');
insert into addresses (street, city, postal_code, country)
    select 'Street ' || n, 'City ' || n % 7, lpad(n::text, 5, '0'), (array['DE', 'FR', 'NL'])[1 + n % 3] from generate_series(1, 30) n;
insert into customers (id, first_name, last_name, email, phone, born, website, billing_address_id, shipping_address_id, referred_by)
    select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'First' || n, 'Last' || n, 'c' || n || '@example.org',
           case when n % 3 > 0 then '+49 30 ' || 10000 + n end, date '1970-01-01' + n * 300,
           case when n % 4 = 0 then 'https://example.org/' || n end, n, case when n % 2 = 0 then n + 5 end,
           case when n > 5 then ('00000000-0000-4000-8000-' || lpad((n / 2)::text, 12, '0'))::uuid end
    from generate_series(1, 25) n;
insert into categories values (1, 'All', null), (2, 'Books', 1), (3, 'Toys, games', 1), (4, 'Puzzles', 3);
insert into products (sku, name, description, price, discount, tags, attributes, image, category_id, weight, size)
    select 'SKU-' || n, 'Product ' || n, repeat('Good. ', n), n * 1.25, case when n % 5 = 0 then n end,
           array['t' || n % 3, 'all'], jsonb_build_object('n', n), decode(repeat('ab', n), 'hex'), 1 + n % 4, n * 0.1,
           (array['S', 'M', 'L', 'XL', null])[1 + n % 5]
    from generate_series(1, 40) n;
insert into "Order" select n, ('00000000-0000-4000-8000-' || lpad((1 + n % 25)::text, 12, '0'))::uuid,
    (enum_range(null::order_state))[1 + n % 5], timestamptz '2026-07-01 10:00+00' + n * interval '7 hours', (n * 12.5)::numeric::money
    from generate_series(1, 60) n;
insert into order_lines select n, line, 'SKU-' || 1 + (n * line) % 40, line from generate_series(1, 60) n, generate_series(1, 2) line;
insert into shipments select n, n, 1, tstzrange('2026-07-02', case when n % 3 > 0 then timestamptz '2026-07-05' end), '10.0.0.1'
    from generate_series(1, 20) n;
insert into product_suppliers select 'SKU-' || n, ('00000000-0000-4000-8000-' || lpad((1 + n % 9)::text, 12, '0'))::uuid from generate_series(1, 40) n;
insert into audit values (now(), 'made');
refresh materialized view revenue;
