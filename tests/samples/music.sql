-- A music store: mixed case throughout, a table that points to itself, a playlist of many to many.
create table "Artist" ("ArtistId" int primary key, "Name" varchar(120));
create table "Album" ("AlbumId" int primary key, "Title" varchar(160) not null, "ArtistId" int not null references "Artist");
create table "Genre" ("GenreId" int primary key, "Name" varchar(120));
create table "MediaType" ("MediaTypeId" int primary key, "Name" varchar(120));
create table "Employee" (
    "EmployeeId" int primary key, "LastName" varchar(20) not null, "FirstName" varchar(20) not null, "Title" varchar(30),
    "ReportsTo" int references "Employee", "BirthDate" timestamp, "Email" varchar(60), "Fax" varchar(24)
);
create table "Customer" (
    "CustomerId" int primary key, "FirstName" varchar(40) not null, "LastName" varchar(20) not null, "Company" varchar(80),
    "Country" varchar(40), "Email" varchar(60) not null, "SupportRepId" int references "Employee"
);
create table "Invoice" (
    "InvoiceId" int primary key, "CustomerId" int not null references "Customer", "InvoiceDate" timestamp not null,
    "BillingAddress" varchar(70), "Total" numeric(10,2) not null
);
create table "Track" (
    "TrackId" int primary key, "Name" varchar(200) not null, "AlbumId" int references "Album",
    "MediaTypeId" int not null references "MediaType", "GenreId" int references "Genre", "Composer" varchar(220),
    "Milliseconds" int not null, "Bytes" int, "UnitPrice" numeric(10,2) not null
);
create table "InvoiceLine" (
    "InvoiceLineId" int primary key, "InvoiceId" int not null references "Invoice", "TrackId" int not null references "Track",
    "UnitPrice" numeric(10,2) not null, "Quantity" int not null
);
create table "Playlist" ("PlaylistId" int primary key, "Name" varchar(120));
create table "PlaylistTrack" (
    "PlaylistId" int references "Playlist", "TrackId" int references "Track", primary key ("PlaylistId", "TrackId")
);

insert into "Artist" select n, case when n <> 7 then 'Artist ' || n end from generate_series(1, 30) n;
insert into "Album" select n, 'Album ' || n, 1 + n % 30 from generate_series(1, 60) n;
insert into "Genre" select n, (array['Rock', 'Jazz', 'Metal', 'Pop'])[n] from generate_series(1, 4) n;
insert into "MediaType" values (1, 'MPEG audio file'), (2, 'AAC audio file');
insert into "Employee" select n, 'Last' || n, 'First' || n, case when n = 1 then 'General Manager' else 'Sales Support Agent' end,
    nullif(n / 2, 0), '1970-02-18', 'e' || n || '@example.org', '+1 (780) 428-' || 9000 + n from generate_series(1, 8) n;
insert into "Customer" select n, 'First' || n, 'Last' || n, case when n % 6 = 0 then 'Company ' || n end,
    (array['Brazil', 'Canada', 'Norway'])[1 + n % 3], 'c' || n || '@example.org', 3 + n % 3 from generate_series(1, 40) n;
insert into "Invoice" select n, 1 + n % 40, timestamp '2025-01-01' + n * interval '1 day', 'Street ' || n, n * 0.99 from generate_series(1, 80) n;
insert into "Track" select n, 'Track ' || n, 1 + n % 60, 1 + n % 2, 1 + n % 4, case when n % 3 = 0 then 'Composer ' || n % 11 end,
    200000 + n, case when n % 9 > 0 then n * 1000 end, 0.99 from generate_series(1, 100) n;
insert into "InvoiceLine" select n, 1 + n % 80, 1 + n % 100, 0.99, 1 from generate_series(1, 80) n;
insert into "Playlist" select n, 'Playlist ' || n from generate_series(1, 6) n;
insert into "PlaylistTrack" select p, t from generate_series(1, 6) p, generate_series(1, 100) t where t % (p + 3) = 0;
