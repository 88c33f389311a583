// Stands in for optional packages that the product never loads (ssh and grpc transports of dockerode).
module.exports = {}
