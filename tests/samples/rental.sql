-- A film rental: stores and staff that point to each other, two joins, views, and a partitioned table.
-- The number of rentals is the setting samples.rentals.
create type mpaa_rating as enum ('G', 'PG', 'PG-13', 'R', 'NC-17');
create domain year as integer check (value >= 1901 and value <= 2155);

create table country (country_id serial primary key, country text not null, last_update timestamptz not null default '2026-02-15');
create table city (
    city_id serial primary key, city text not null, country_id int not null references country, last_update timestamptz not null default '2026-02-15'
);
create table address (
    address_id serial primary key, address text not null, address2 text, district text not null, city_id int not null references city,
    phone text not null, last_update timestamptz not null default '2026-02-15'
);
create table language (language_id serial primary key, name char(20) not null, last_update timestamptz not null default '2026-02-15');
create table actor (
    actor_id serial primary key, first_name text not null, last_name text not null, last_update timestamptz not null default '2026-02-15'
);
create table category (category_id serial primary key, name text not null, last_update timestamptz not null default '2026-02-15');
create table film (
    film_id serial primary key, title text not null, description text, release_year year,
    language_id int not null references language, original_language_id int references language,
    rental_duration smallint not null default 3, rental_rate numeric(4,2) not null default 4.99, length smallint,
    rating mpaa_rating default 'G', special_features text[], last_update timestamptz not null default '2026-02-15',
    fulltext tsvector not null default ''
);
create table film_actor (
    actor_id int not null references actor, film_id int not null references film, last_update timestamptz not null default '2026-02-15',
    primary key (actor_id, film_id)
);
create table film_category (
    film_id int not null references film, category_id int not null references category, last_update timestamptz not null default '2026-02-15',
    primary key (film_id, category_id)
);
create table store (
    store_id serial primary key, manager_staff_id int not null, address_id int not null references address,
    last_update timestamptz not null default '2026-02-15'
);
create table staff (
    staff_id serial primary key, first_name text not null, last_name text not null, address_id int not null references address,
    email text, store_id int not null references store, active boolean not null default true, username text not null, picture bytea,
    last_update timestamptz not null default '2026-02-15'
);
create table customer (
    customer_id serial primary key, store_id int not null references store, first_name text not null, last_name text not null,
    email text, address_id int not null references address, activebool boolean not null default true,
    create_date date not null default '2026-02-14', active int
);
create table inventory (
    inventory_id serial primary key, film_id int not null references film, store_id int not null references store
);
create table rental (
    rental_id serial primary key, rental_date timestamptz not null, inventory_id int not null references inventory,
    customer_id int not null references customer, return_date timestamptz, staff_id int not null references staff
);
create table payment (
    payment_id int generated always as identity, customer_id int not null references customer, staff_id int not null references staff,
    rental_id int not null references rental, amount numeric(5,2) not null, payment_date timestamptz not null,
    primary key (payment_date, payment_id)
) partition by range (payment_date);
create table payment_2026_01 partition of payment for values from ('2026-01-01') to ('2026-02-01');
create table payment_rest partition of payment default;
create view film_list as
    select f.film_id as fid, f.title, c.name as category, f.rental_rate as price, f.rating,
           (select string_agg(a.first_name || ' ' || a.last_name, ', ' order by a.actor_id)
            from film_actor fa join actor a using (actor_id) where fa.film_id = f.film_id) as actors
    from film f left join film_category fc using (film_id) left join category c using (category_id);
create view sales_by_store as
    select s.store_id, count(*) as customers from store s join customer using (store_id) group by s.store_id;

insert into country (country) select 'Country ' || n from generate_series(1, 10) n;
insert into city (city, country_id) select 'City ' || n, 1 + n % 10 from generate_series(1, 30) n;
insert into address (address, address2, district, city_id, phone)
    select n || ' Main Street', '', 'District ' || n % 4, 1 + n % 30, (100000 + n)::text from generate_series(1, 40) n;
insert into language (name) values ('English'), ('Italian'), ('Japanese');
insert into actor (first_name, last_name) select 'ACTOR' || n, 'LAST' || n from generate_series(1, 40) n;
insert into category (name) values ('Action'), ('Comedy'), ('Drama'), ('Horror'), ('Music');
insert into film (title, description, release_year, language_id, length, rating, special_features)
    select 'FILM ' || n, 'A tale of ' || n, 2006, 1 + n % 3, 60 + n, (enum_range(null::mpaa_rating))[1 + n % 5],
           array['Trailers', 'Deleted Scenes'] from generate_series(1, 100) n;
insert into film_actor select a, f from generate_series(1, 40) a, generate_series(1, 100) f where (a * 7 + f) % 13 = 0;
insert into film_category select f, 1 + f % 5 from generate_series(1, 100) f;
insert into store (manager_staff_id, address_id) values (1, 1), (2, 2);
insert into staff (first_name, last_name, address_id, email, store_id, username)
    values ('Mike', 'Hill', 3, 'mike@example.org', 1, 'Mike'), ('Jon', 'Stone', 4, 'jon@example.org', 2, 'Jon');
alter table store add foreign key (manager_staff_id) references staff;
insert into customer (store_id, first_name, last_name, email, address_id, active)
    select 1 + n % 2, 'FIRST' || n, 'LAST' || n, 'c' || n || '@example.org', 1 + n % 40, 1 from generate_series(1, 60) n;
insert into inventory (film_id, store_id) select 1 + n % 100, 1 + n % 2 from generate_series(1, 100) n;
insert into rental (rental_date, inventory_id, customer_id, return_date, staff_id)
    select timestamptz '2026-01-01 08:00+00' + n * interval '11 minutes', 1 + n % 100, 1 + n % 60,
           case when n % 10 > 0 then timestamptz '2026-01-05 08:00+00' + n * interval '11 minutes' end, 1 + n % 2
    from generate_series(1, coalesce(nullif(current_setting('samples.rentals', true), '')::int, 100)) n;
insert into payment (customer_id, staff_id, rental_id, amount, payment_date)
    select 1 + n % 60, 1 + n % 2, n, 0.99 + n % 9, timestamptz '2026-01-20' + n * interval '3 hours' from generate_series(1, 100) n;
