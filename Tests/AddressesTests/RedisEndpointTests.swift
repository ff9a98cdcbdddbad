import Addresses
import Primitives
import Testing

@Suite struct RedisEndpointTests {
    @Test func parse_addressAlone_takesDefaults() throws {
        let endpoint = try RedisEndpoint(parsing: "redis://127.0.0.1")
        #expect(endpoint == RedisEndpoint(.loopback(port: 6_379)))
        #expect(endpoint.password == nil && endpoint.database == 0 && !endpoint.usesTLS)
    }

    @Test func parse_everything_isTaken() throws {
        let endpoint = try RedisEndpoint(parsing: "rediss://tom:p%40ss:w@cache.example.com:7000/3")
        #expect(endpoint.place == .name("cache.example.com", port: 7_000))
        #expect(endpoint.user == "tom" && endpoint.password == Secret("p@ss:w"))
        #expect(endpoint.database == 3 && endpoint.usesTLS)
        #expect(endpoint.description == "rediss://cache.example.com:7000/3")
    }

    @Test func parse_passwordOnly_isDefaultUser() throws {
        let endpoint = try RedisEndpoint(parsing: "redis://:secret@[::1]:6380/")
        #expect(endpoint.user == nil && endpoint.password == Secret("secret"))
        #expect(endpoint.place == .address(.ipv6(0, 1, port: 6_380)))
    }

    @Test func parse_unencodedAtInPassword_belongsToPassword() throws {
        let endpoint = try RedisEndpoint(parsing: "redis://u:a@b@localhost:1")
        #expect(endpoint.password == Secret("a@b") && endpoint.place == .address(.loopback(port: 1)))
    }

    @Test func parse_unixSocket_isPath() throws {
        #expect(try RedisEndpoint(parsing: "unix:/run/r.sock") == RedisEndpoint(.unix(path: "/run/r.sock")))
        #expect(throws: RedisEndpoint.ParseError.self) { try RedisEndpoint(parsing: "unix:") }
        let long = "unix:/" + String(repeating: "x", count: 107)
        #expect(throws: RedisEndpoint.ParseError.self) { try RedisEndpoint(parsing: long) }
    }

    @Test(arguments: [
        "", "127.0.0.1:6379", "http://host", "redis://", "redis://host:", "redis://host:0", "redis://host:70000",
        "redis://host/x", "redis://host/-1", "redis://ho st", "redis://user@host", "redis://u:%zz@host", "redis://[::1",
        "redis://u:%f@host", "redis://host/99999999999999999999", "redis://host/1024", "redis://host:+1", "redis://-x",
        "redis://a..b", "redis://:@host",
    ])
    func parse_malformed_isRefused(text: String) {
        #expect(throws: RedisEndpoint.ParseError.self) { try RedisEndpoint(parsing: text) }
    }

    @Test(arguments: ["redis://u:hunter2@host:x", "hunter2@host", "http://u:hunter2@host"])
    func parse_malformedWithPassword_doesNotRepeatIt(text: String) throws {
        let error = #expect(throws: RedisEndpoint.ParseError.self) { try RedisEndpoint(parsing: text) }
        #expect(try #require(error).description.contains("hunter2") == false)
        #expect(try RedisEndpoint(parsing: "redis://u:hunter2@h").description.contains("hunter2") == false)
    }
}

/// Addresses of fleets.
@Suite struct RedisFleetEndpointTests {
    @Test func parse_sentinels_areHostsAndAMaster() throws {
        let text = "rediss+sentinel://gate:p%2Cw@10.0.0.1,watch.example:26380,[::1]:7/my-master/2"
        let endpoint = try RedisEndpoint(parsing: text)
        #expect(endpoint.fleet == .sentinel(master: "my-master"))
        #expect(
            endpoint.places == [
                .address(.ipv4(0x0A00_0001, port: 26_379)), .name("watch.example", port: 26_380),
                .address(.ipv6(0, 1, port: 7)),
            ]
        )
        #expect(endpoint.user == "gate" && endpoint.password == Secret("p,w"))
        #expect(endpoint.database == 2 && endpoint.usesTLS)
        let shown = "10.0.0.1:26379,watch.example:26380,[::1]:7/my-master/2"
        #expect(endpoint.description == "rediss+sentinel://" + shown)
        #expect(endpoint.redacted == "rediss+sentinel://gate:***@" + shown)
        #expect(try RedisEndpoint(parsing: endpoint.description).places == endpoint.places)
    }

    @Test func parse_cluster_isSomeOfItsNodes() throws {
        let endpoint = try RedisEndpoint(parsing: "redis+cluster://:pw@10.0.0.1:7000,node-2/")
        #expect(endpoint.fleet == .cluster && !endpoint.usesTLS && endpoint.password == Secret("pw"))
        #expect(endpoint.places == [.address(.ipv4(0x0A00_0001, port: 7_000)), .name("node-2", port: 6_379)])
        #expect(endpoint.description == "redis+cluster://10.0.0.1:7000,node-2:6379")
    }

    @Test(arguments: [
        "redis+sentinel://host", "redis+sentinel://host/", "redis+sentinel://host,/m", "redis+sentinel://,host/m",
        "redis+sentinel:///m", "redis+sentinel://host/m/x", "redis+sentinel://host/m/1/2", "redis+sentinel://a,a/m",
        "redis+sentinel://host/a%20b", "redis+cluster://", "redis+cluster://host/1", "redis+cluster://a,b,a",
        "redis://a,b", "redis+ring://a", "redis+sentinel://u@host/m", "redis://host/0/1",
        "redis+cluster://" + (0...16).map { "h\($0)" }.joined(separator: ","),
    ])
    func parse_malformed_isRefused(text: String) {
        #expect(throws: RedisEndpoint.ParseError.self) { try RedisEndpoint(parsing: text) }
    }
}
