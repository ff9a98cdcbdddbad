import Addresses

/// Whoever uses the client says where the Redis is.
public typealias RedisEndpoint = Addresses.RedisEndpoint
