// Stands in for packages that the product never uses (ssh, grpc and BuildKit of dockerode, HTTP/2 of Fastify).
module.exports = {}
